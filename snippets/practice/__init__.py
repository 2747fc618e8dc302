"""Working notes: cheat sheets, traps, and words with their code."""
