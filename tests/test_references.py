"""What the text calls a source tells it from all others of the bibliography."""

from collections import Counter
from pathlib import Path

from pybtex.database import Entry, parse_file


def author_and_year(entry: Entry) -> tuple[str, str]:
    """As ``:cite:t:`` names a source: one or two last names, or the first of many.

    Sources of the same authors and year have letters in the field ``year``.
    """
    names = [" ".join(person.last_names) for person in entry.persons["author"]]
    shown = f"{names[0]} et al." if len(names) > 2 else " and ".join(names)
    return shown, entry.fields.get("year", "")


def test_no_two_sources_are_cited_alike(root: Path):
    entries = parse_file(root / "docs" / "references.bib").entries.values()
    named = Counter(map(author_and_year, entries))
    assert not [name for name, times in named.items() if times > 1]
