"""Help text: the English text of Python's ``help()``, from ``pydoc_data.topics``."""

import random
from pydoc_data.topics import topics


def help_text() -> str:
    """All topics in alphabetical order.

    Examples
    --------
    >>> help_text().splitlines()[0]
    'The "assert" statement'
    """
    return "\n".join(topics[name] for name in sorted(topics))


def split_help_text(seed: int, held_out: float = 0.2) -> tuple[str, str]:
    """Topics drawn for training, and the rest, a share of their number."""
    names = sorted(topics)
    random.Random(seed).shuffle(names)
    cut = round(held_out * len(names))
    if not 0 < cut < len(names):
        raise ValueError(f"held_out={held_out} leaves no topic on one side")
    parts = names[cut:], names[:cut]
    train, test = ("\n".join(topics[name] for name in part) for part in parts)
    return train, test
