"""Generative models: from noise to pictures, and from pictures to words."""
