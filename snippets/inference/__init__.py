"""Inference: how a trained model answers fast, and many at once."""
