"""What changed on a page, and when: dates of commits, never of builds.

``env.portal_commits`` has the commits of each page, from before pages are read.
``env.portal_history`` says why they are not known here, and is empty if they are: git
is missing, refuses the folder, or has only part of the history. Pages then say that
their history is not available and show no date. Moments are in UTC, so that they
compare as text.
"""

import os
import subprocess
from collections.abc import Iterable
from itertools import chain
from pathlib import Path
from typing import NamedTuple

from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util import logging

from portal.pages.mirror import places, scripts

LOG = (
    *("log", "-z", "--abbrev=10", "--no-show-signature", "--format=%x01%cd %h %s"),
    *("--date=format-local:%Y-%m-%dT%H:%M:%SZ", "--name-only", "--no-renames"),
    *("--relative", "."),
)
UNKNOWN = "history not available here"

logger = logging.getLogger(__name__)


class Unavailable(Exception):
    """The history cannot be told here; the message says why."""


class Commit(NamedTuple):
    moment: str  # 2026-11-30T08:09:10Z
    name: str
    subject: str

    @property
    def date(self) -> str:
        return self.moment[:10]


def git(root: Path, *arguments: str) -> str:
    """What git prints.

    Raises
    ------
    Unavailable
        If git is not installed or fails, as it does outside of a repository and in one
        of another owner.
    """
    environment = {**os.environ, "TZ": "UTC"}
    command = ["git", *arguments]
    try:
        run = subprocess.run(
            command, cwd=root, env=environment, capture_output=True, check=True
        )
    except OSError as error:
        raise Unavailable("git cannot be run") from error
    except subprocess.CalledProcessError as error:
        said = error.stderr.decode(errors="replace").strip()
        raise Unavailable(said.partition("\n")[0] or "git fails") from error
    return run.stdout.decode(errors="replace")


def commit(root: Path) -> str:
    """The commit that is checked out; empty if there is none, or nobody can tell."""
    try:
        return git(root, "rev-parse", "--short=10", "HEAD").strip()
    except Unavailable:
        return ""


def commits_by_file(root: Path) -> dict[str, list[tuple[int, Commit]]]:
    """The commits that touched each file, numbered from the newest of all.

    Raises
    ------
    Unavailable
        If the history is not here, or only part of it.
    """
    if git(root, "rev-parse", "--is-shallow-repository").strip() == "true":
        raise Unavailable("the clone is shallow: run git fetch --unshallow")
    if not git(root, "rev-list", "--all", "--max-count=1"):
        return {}  # nothing has been committed yet
    found: dict[str, list[tuple[int, Commit]]] = {}
    number, commit = 0, Commit("", "", "")
    for part in git(root, *LOG).split("\0"):
        if part.startswith("\x01"):
            number, commit = number + 1, Commit(*part[1:].split(" ", 2))
        else:
            found.setdefault(part.removeprefix("\n"), []).append((number, commit))
    return found


def page_commits(
    by_file: dict[str, list[tuple[int, Commit]]], files: Iterable[Path]
) -> list[Commit]:
    """The commits that touched any of a page's files, the newest first.

    >>> add, mend = (2, Commit("2026-01-02", "b", "Add")), (1, Commit("", "a", "Mend"))
    >>> by_file = {"docs/a/rope.rst": [add], "tests/a/test_rope.py": [mend, add]}
    >>> [commit.subject for commit in page_commits(by_file, places("a", "rope"))]
    ['Mend', 'Add']
    """
    touched = (by_file.get(str(file), []) for file in files)
    return [commit for _, commit in sorted(set(chain.from_iterable(touched)))]


def last_date(env: BuildEnvironment, docname: str) -> str:
    """Date of the last commit that touched a page; empty if there is none."""
    commits = env.portal_commits.get(docname, [])
    return commits[0].date if commits else ""


def last_commit(env: BuildEnvironment, docname: str) -> str:
    """Name of the last commit that touched a page; empty if there is none."""
    commits = env.portal_commits.get(docname, [])
    return commits[0].name if commits else ""


def dated(env: BuildEnvironment, docname: str) -> str:
    """The same as a reader is told it, or why there is none."""
    known = UNKNOWN if env.portal_history else "not committed"
    return last_date(env, docname) or known


def newest_first(env: BuildEnvironment, which: int) -> list[tuple[str, Commit]]:
    """Pages by their last (0) or first (-1) commit, the newest before the others."""
    found = [(name, own[which]) for name, own in env.portal_commits.items() if own]
    return sorted(found, key=lambda page: (page[1].moment, page[0]), reverse=True)


def outdated(
    app: Sphinx, env: BuildEnvironment, added: set, changed: set, removed: set
) -> list[str]:
    """Take the history; the pages to read again are those with other commits."""
    before = getattr(env, "portal_commits", {}), getattr(env, "portal_history", "")
    try:
        by_file, env.portal_history = commits_by_file(Path(app.confdir)), ""
    except Unavailable as problem:
        by_file, env.portal_history = {}, str(problem)
        logger.info("%s: %s", UNKNOWN, problem)
    new = {
        "/".join(page): page_commits(by_file, [*places(*page), *code])
        for page, code in scripts(Path(app.confdir)).items()
    }
    old, env.portal_commits = before[0], new
    other = bool(before[1]) != bool(env.portal_history)
    return [
        name
        for name in new
        if name in env.found_docs and (other or old.get(name) != new[name])
    ]


def setup(app: Sphinx) -> None:
    app.connect("env-get-outdated", outdated)
