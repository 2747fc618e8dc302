"""Tests; a package by name, because one that is installed has the same name."""
