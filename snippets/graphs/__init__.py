"""Graph neural networks: how nodes learn from their neighbors."""
