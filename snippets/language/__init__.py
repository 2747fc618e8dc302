"""Language: how text becomes numbers, and numbers text."""
