"""Ads from a grammar, and the rules that an ad must pass before anyone sees it.

The grammar stands in for a text generator. The rules do not know how a text was made.
"""

import re
import unicodedata
from itertools import product

OPENINGS = ("Ad: ", "")
HEADLINES = (
    "Kestrel running shoes for wet trails.",
    "Run lighter in Kestrel.",
    "Better than Globex: Kestrel.",
    "Kestrel cures knee pain.",
)
OFFERS = ("20 % off this week.", "Free returns.", "Guaranteed personal best!")
CALLS = ("See the range.", "Order now, only hours left!")

LONGEST = 90  # characters
CLAIMS = r"\b(guarantee\w*|cures?|risk[- ]free|clinically|miracle\w*)\b"
RIVALS = r"\b(globex|initech)\b"


def creatives() -> list[str]:
    """Every sentence of the grammar."""
    parts = product(OPENINGS, HEADLINES, OFFERS, CALLS)
    return [f"{label}{' '.join(rest)}" for label, *rest in parts]


def plain(text: str) -> str:
    """Lower case, one form of each letter, and no invisible characters."""
    shown = unicodedata.normalize("NFKC", text)
    return "".join(c for c in shown if unicodedata.category(c) != "Cf").casefold()


def violations(text: str) -> list[str]:
    """The rules that a text breaks; the list of an ad that may be shown is empty.

    Examples
    --------
    >>> violations("Kestrel is guaranteed to win.")
    ['no disclosure', 'banned claim']
    """
    seen = plain(text)
    rules = {
        "empty": not seen.strip(),
        "too long": len(seen) > LONGEST,
        "no disclosure": not seen.startswith("ad: "),
        "no brand": not re.search(r"\bkestrel\b", seen),
        "names a rival": re.search(RIVALS, seen),
        "banned claim": re.search(CLAIMS, seen),
    }
    return [name for name, broken in rules.items() if broken]


def approved(texts: list[str]) -> list[str]:
    """The texts that break no rule, each once.

    Raises
    ------
    ValueError
        If none is left, since there is nothing to choose from.
    """
    kept = [text for text in dict.fromkeys(texts) if not violations(text)]
    if not kept:
        raise ValueError(f"none of {len(texts)} texts passes the rules")
    return kept
