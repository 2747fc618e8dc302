"""Scores that Lighthouse gives one page of each type on a phone: ``make lighthouse``.

It runs with its settings for mobile: a processor four times slower, a slow connection.
The pages are served compressed, as a host does. Needs Node; what ``make lighthouse``
installs lies below ``build/node``.
"""

import json
import os
import subprocess
import tempfile
from pathlib import Path

from portal.inspect import browser, screenshots

TYPES = ("front", "start-here", "article", "example", "reproductions", "map")
PAGES = tuple(screenshots.PAGES[kind] for kind in TYPES)
LEAST = {"performance": 95, "accessibility": 100, "best-practices": 100, "seo": 100}
FLAGS = ["--quiet", "--output=json", f"--only-categories={','.join(LEAST)}"]


def report(program: Path, url: str) -> dict:
    """What Lighthouse finds of one page.

    Raises
    ------
    CalledProcessError
        If it fails.
    """
    with tempfile.TemporaryDirectory() as folder:
        result = Path(folder, "report.json")
        chromium = f"--chrome-flags=--headless=new {' '.join(browser.FLAGS)}"
        subprocess.run(
            [program, url, *FLAGS, f"--output-path={result}", chromium],
            env={**os.environ, "CHROME_PATH": browser.installed() or ""},
            check=True,
        )
        return json.loads(result.read_text("utf-8"))


def scores(report: dict) -> dict[str, int]:
    """Points of 100 in each category."""
    return {name: round(100 * report["categories"][name]["score"]) for name in LEAST}


def lost(report: dict) -> list[str]:
    """The audits that cost points, with what Lighthouse says of them."""
    return [
        f"  {audit['title']}: {audit.get('displayValue', audit['id'])}"
        for category in report["categories"].values()
        for part in category["auditRefs"]
        if part["weight"]
        and (audit := report["audits"][part["id"]])["score"] not in (1, None)
    ]


def judge(root: Path) -> int:
    """Print the scores of the last build; returns how many are too low."""
    program, short = root / "build/node/node_modules/.bin/lighthouse", 0
    with browser.serve(root / "build/html") as address:
        for page in PAGES:
            found = report(program, f"{address}/{page}.html")
            given = scores(found)
            too_low = [name for name, least in LEAST.items() if given[name] < least]
            short += len(too_low)
            print(page, ", ".join(f"{name} {given[name]}" for name in LEAST))
            print(*lost(found), sep="\n", end="\n" if lost(found) else "")
    return short
