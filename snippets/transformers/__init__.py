"""Transformers: the block, its families, and what changes them."""
