"""What changed on a page, and when: dates of commits, never of builds.

``env.portal_commits`` has the commits of each page, from before pages are read.
"""

import subprocess
from itertools import chain
from pathlib import Path
from typing import NamedTuple

from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment

from portal.mirror import pages, places


class Commit(NamedTuple):
    moment: str  # with the time of day and the zone
    name: str
    subject: str

    @property
    def date(self) -> str:
        return self.moment[:10]


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


def commits_by_file(root: Path) -> dict[str, list[tuple[int, Commit]]]:
    """The commits that touched each file, numbered from the newest of all.

    Empty where there is no git history.
    """
    options = ("--format=@%cI %h %s", "--name-only", "--no-renames", "--relative", ".")
    found: dict[str, list[tuple[int, Commit]]] = {}
    number, commit = 0, Commit("", "", "")
    for line in git(root, "log", "--abbrev=10", *options).splitlines():
        if line.startswith("@"):
            number, commit = number + 1, Commit(*line[1:].split(" ", 2))
        elif line:
            found.setdefault(line, []).append((number, commit))
    return found


def page_commits(
    by_file: dict[str, list[tuple[int, Commit]]], book: str, page: str
) -> list[Commit]:
    """The commits that touched any of a page's four files, the newest first.

    >>> add, mend = (2, Commit("2026-01-02", "b", "Add")), (1, Commit("", "a", "Mend"))
    >>> files = {"docs/a/rope.rst": [add], "tests/a/test_rope.py": [mend, add]}
    >>> [commit.subject for commit in page_commits(files, "a", "rope")]
    ['Mend', 'Add']
    """
    touched = (by_file.get(str(place), []) for place in places(book, page))
    return [commit for _, commit in sorted(set(chain.from_iterable(touched)))]


def last_date(env: BuildEnvironment, docname: str) -> str:
    """Date of the last commit that touched a page; empty if there is none."""
    commits = env.portal_commits.get(docname, [])
    return commits[0].date if commits else ""


def outdated(
    app: Sphinx, env: BuildEnvironment, added: set, changed: set, removed: set
) -> list[str]:
    """Take the history; the pages to read again are those with other commits."""
    by_file = commits_by_file(Path(app.confdir))
    known = pages(Path(app.confdir))
    new = {f"{book}/{page}": page_commits(by_file, book, page) for book, page in known}
    old, env.portal_commits = getattr(env, "portal_commits", {}), new
    return [
        name for name in new if name in env.found_docs and old.get(name) != new[name]
    ]


def setup(app: Sphinx) -> None:
    app.connect("env-get-outdated", outdated)
