"""Help texts: the text of Python's ``help()``, as words or as characters.

It comes with Python, in ``pydoc_data.topics``.
"""

from pydoc_data.topics import topics

from snippets.inference.word_models import split_words

LETTERS = "abcdefghijklmnopqrstuvwxyz .,"


def help_words(number: int) -> list[str]:
    """The first words and marks of punctuation, in lower case."""
    text = " ".join(topics[name] for name in sorted(topics))
    return split_words(text)[:number]


def help_letters(number: int) -> str:
    """The first letters, points, commas and spaces, in lower case.

    Examples
    --------
    >>> help_letters(24)
    'the assert statement ass'
    """
    text = " ".join(topics[name] for name in sorted(topics)).lower()
    kept = "".join(letter if letter in LETTERS else " " for letter in text)
    return " ".join(kept.split())[:number]
