"""When a page last changed: dates of commits, never of builds."""

import subprocess
from pathlib import Path

from portal.mirror import places


def git(root: Path, *arguments: str) -> str:
    """What git prints; nothing outside a repository, or where git is not installed."""
    command = ["git", "-c", "core.quotepath=off", *arguments]
    try:
        run = subprocess.run(
            command, cwd=root, capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return ""
    return run.stdout


def commit(root: Path) -> str:
    """The commit that is checked out; empty outside a repository."""
    return git(root, "rev-parse", "--short=10", "HEAD").strip()


def commit_dates(root: Path) -> dict[str, str]:
    """Date of the last commit that touched each file, ``2026-11-24``.

    Empty where there is no git history.
    """
    options = ("--format=@%cs", "--name-only", "--no-renames", "--relative", ".")
    dates: dict[str, str] = {}
    date = ""
    for line in git(root, "log", *options).splitlines():
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
