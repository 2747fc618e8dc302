"""Foundations: what arrays are, what vectors mean, what both cost."""
