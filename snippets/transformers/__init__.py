"""Transformers: one block, its families, and what can be left out."""
