"""The log: what sources claim, what was measured here, and the verdict on each claim.

Each record is read from an article, where it stands as a ``claim`` directive. The log
is kept beside this module: ``python -m snippets.practice.reading_log`` writes it.
"""

# sphinx_gallery_data = reading_log.json

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

LOG = Path(__file__).with_suffix(".json")
DOCS = Path(__file__).parents[2] / "docs"
VERDICTS = (
    "reproduced",
    "recomputed",
    "reproduced in part",
    "not seen at this size",
    "contradicted",
    "not tested",
)


class Record(NamedTuple):
    """One claim.

    Attributes
    ----------
    page
        The article that tests it.
    source, year
        Key in the bibliography, and year of publication.
    reports
        What the source says, in our words.
    evidence
        What was measured here, one text for each value.
    verdict
        One of ``VERDICTS``.
    """

    page: str
    source: str
    year: int
    reports: str
    evidence: list[str]
    verdict: str


def claims(article: str, page: str, years: Mapping[str, int]) -> Iterator[Record]:
    """The records in the text of an article.

    Raises
    ------
    ValueError
        If a claim names no source, or one without a year, or an unknown verdict, or
        says nothing.

    Examples
    --------
    >>> text = '''
    ... .. claim:: su2021rope
    ...    :reports: Scores depend on
    ...       the distance.
    ...    :verdict: reproduced
    ...
    ...    largest change: rope.change | .0e in 0 1e-6
    ...
    ...    Tested in double precision.
    ... '''
    >>> (record,) = claims(text, "positions/rope", {"su2021rope": 2021})
    >>> record.reports, record.evidence
    ('Scores depend on the distance.', ['largest change'])
    """
    for block in re.split(r"^\.\. claim::", article, flags=re.MULTILINE)[1:]:
        head, *rest = block.split("\n")
        source, fields, evidence = head.strip(), {}, []
        for line in logical_lines(rest):
            if field := re.fullmatch(r":(\w+): (.*)", line):
                fields[field[1]] = field[2]
            elif value := re.fullmatch(r"(.+): [\w.]+ \| .*", line):
                evidence.append(value[1])
        if source not in years:
            raise ValueError(f"{page}: a claim of {source or 'no source'}, of no year")
        verdict = fields.get("verdict", "")
        if verdict not in VERDICTS:
            raise ValueError(f"{page}: verdict {verdict!r} on {source}")
        if not (reports := fields.get("reports", "")):
            raise ValueError(f"{page}: nothing reported of {source}")
        yield Record(page, source, years[source], reports, evidence, verdict)


def logical_lines(lines: list[str]) -> list[str]:
    """Lines of a directive's body; what is indented further goes on with its line."""
    found: list[str] = []
    for line in lines:
        if line and not line.startswith("   "):
            break
        if line.startswith("      ") and found:
            found[-1] += f" {line.strip()}"
        elif line.strip():
            found.append(line.strip())
    return found


def years_of(bibliography: str) -> dict[str, int]:
    """The year of each entry of a BibTeX file."""
    entries = re.findall(
        r"^@\w+\{([^,]+),(.*?)^\}", bibliography, re.DOTALL | re.MULTILINE
    )
    found = {key: re.search(r"year\s*=\s*\{?(\d{4})", text) for key, text in entries}
    return {key: int(year[1]) for key, year in found.items() if year}


def read_articles(docs: Path = DOCS) -> list[Record]:
    """The records of all articles, in the order of their paths."""
    years = years_of((docs / "references.bib").read_text("utf-8"))
    found = []
    for path in sorted(docs.glob("*/*.rst")):
        page = path.relative_to(docs).with_suffix("").as_posix()
        found += claims(path.read_text("utf-8"), page, years)
    return found


def load_log(file: Path = LOG) -> list[Record]:
    """The records that are kept beside this module."""
    return [Record(**entry) for entry in json.loads(file.read_text("utf-8"))]


def save_log(records: list[Record], file: Path = LOG) -> None:
    entries = [record._asdict() for record in records]
    file.write_text(json.dumps(entries, indent=1, ensure_ascii=False) + "\n", "utf-8")


if __name__ == "__main__":
    save_log(read_articles())
