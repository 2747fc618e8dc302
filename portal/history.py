"""When a page last changed: dates of commits, never of builds."""

import subprocess
from pathlib import Path

from portal.mirror import places


def commit_dates(root: Path) -> dict[str, str]:
    """Date of the last commit that touched each file, ``2026-11-24``.

    Empty where there is no git history.
    """
    command = ["git", "-c", "core.quotepath=off", "log", "--format=@%cs", "--name-only"]
    try:
        run = subprocess.run(
            [*command, "--no-renames", "--relative", "."],
            cwd=root,
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return {}
    dates: dict[str, str] = {}
    date = ""
    for line in run.stdout.splitlines():
        if line.startswith("@"):
            date = line[1:]
        elif line:
            dates.setdefault(line, date)
    return dates


def page_date(dates: dict[str, str], book: str, page: str) -> str:
    """Date of the last commit to any of a page's four files; empty if never.

    >>> page_date({"docs/a/rope.rst": "2026-01-02"}, "a", "rope")
    '2026-01-02'
    """
    return max((dates.get(str(place), "") for place in places(book, page)), default="")
