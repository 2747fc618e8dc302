"""Alignment: how scores and preferences become behavior."""
