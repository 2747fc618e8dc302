"""``.. environments::``: with which versions the portal was built and tested, and when.

The table says what ``make drift`` left in ``docs/environments.json``.
"""

import json
from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from portal.pages.table import table

RECORD = Path("docs/environments.json")
HEADS = ("Versions", "Tried", "With", "Outcome")
MEANING = {
    "lock": "of the lock",
    "lowest": "the lowest allowed",
    "newest": "the newest allowed",
}


def outcome(record: dict) -> str:
    """What came out, and of what.

    >>> outcome({"tried": ["everything"], "passed": 9, "failures": {}})
    'the site builds, 9 tests pass'
    >>> failure = {"why": "old name", "broken by": ["a 2.0"]}
    >>> record = {"tried": ["tests/a"], "passed": 8, "failures": {"x::y": failure}}
    >>> outcome(record)
    '8 tests pass of tests/a alone; x::y fails: old name, broken by a 2.0'
    """
    failures = record["failures"]
    whole = record["tried"] == ["everything"]
    built = not any(what.startswith("make html") for what in failures)
    said = "the site builds, " if whole and built else ""
    said += f"{record['passed']} tests pass"
    said += "" if whole else f" of {', '.join(record['tried'])} alone"
    for what, found in failures.items():
        by = "".join(f", broken by {package}" for package in found["broken by"])
        said += f"; {what} fails: {found['why']}{by}"
    return said


def row(name: str, record: dict | None) -> list[str]:
    """The cells of one environment."""
    if record is None:
        return [MEANING[name], "not yet", "", ""]
    versions = [f"{package} {text}" for package, text in record["versions"].items()]
    versions += [f"held back to {limit}" for limit in record.get("held back", [])]
    system = [f"Python {record['python']}", record["system"]]
    tried = f"{record['date']}, at {record['commit']}"
    return [MEANING[name], tried, ", ".join(system + versions), outcome(record)]


class Environments(SphinxDirective):
    def run(self) -> list[nodes.Node]:
        file = Path(self.env.srcdir).parent / RECORD
        self.env.note_dependency(str(file))
        records = json.loads(file.read_text("utf-8")) if file.exists() else {}
        rows = [row(name, records.get(name)) for name in MEANING]
        cells = [[nodes.Text(text) for text in line] for line in rows]
        return table("environments", cells, HEADS).children


def setup(app: Sphinx) -> None:
    app.add_directive("environments", Environments)
