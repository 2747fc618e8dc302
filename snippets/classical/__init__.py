"""Classical machine learning: likelihood, margins and hashing."""
