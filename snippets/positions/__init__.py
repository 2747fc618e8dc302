"""Positional encodings: how attention learns where a token stands."""
