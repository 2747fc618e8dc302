"""Recommender systems: guessing the empty cells of a table."""
