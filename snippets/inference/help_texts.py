"""Help texts: the text of Python's ``help()``, as words or as characters.

The text comes with Python; see ``snippets.language.help_text``.
"""

from snippets.inference.word_models import split_words
from snippets.language.help_text import help_text

LETTERS = "abcdefghijklmnopqrstuvwxyz .,"


def help_words(number: int) -> list[str]:
    """The first words and marks of punctuation, in lower case."""
    return split_words(help_text())[:number]


def help_letters(number: int) -> str:
    """The first letters, points, commas and spaces, in lower case.

    Examples
    --------
    >>> help_letters(24)
    'the assert statement ass'
    """
    text = help_text().lower()
    kept = "".join(letter if letter in LETTERS else " " for letter in text)
    return " ".join(kept.split())[:number]
