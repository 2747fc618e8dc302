"""What failed is read again, until nothing is wrong with it.

Sphinx reads and writes what has changed, and forgets a warning with the build that gave
it. So each build notes of which files it warned, beside the doctrees, and the next one
reads their documents again. A warning of no file has Sphinx start afresh, since nobody
knows what to read. After a build that was interrupted all pages are written again.
"""

import json
import logging
import os
import re
from collections.abc import Iterator
from pathlib import Path

from docutils import nodes
from sphinx.application import ENV_PICKLE_FILENAME, Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util.build_phase import BuildPhase
from sphinx.util.logging import get_node_location, is_suppressed_warning

from portal.order import Finished, Updated

NOTE = "failures.json"


def file_of(location: str) -> str:
    """The file, or the document, in a location.

    >>> file_of("/a/x.rst:3"), file_of("/a/x.py:docstring of x.f:2"), file_of("a/x")
    ('/a/x.rst', '/a/x.py', 'a/x')
    """
    return re.sub(r":(docstring of .*|\d*)$", "", location)


class Failures(logging.Handler):
    """Collects the files of which a build warns; empty text for none."""

    def __init__(self, app: Sphinx) -> None:
        super().__init__(logging.WARNING)
        self.app = app
        self.files: set[str] = set()

    def emit(self, record: logging.LogRecord) -> None:
        location = getattr(record, "location", None)
        kind = [getattr(record, name, None) for name in ("type", "subtype")]
        checked_each_time = location and self.app.phase == BuildPhase.INITIALIZATION
        ignored = is_suppressed_warning(*kind, self.app.config.suppress_warnings)
        if not (ignored or checked_each_time):
            self.files.add(self.file(location))

    def file(self, location: str | tuple | nodes.Node | None) -> str:
        if isinstance(location, tuple):
            location = location[0]
        elif isinstance(location, nodes.Node):
            location = get_node_location(location)
        if not location:
            return ""
        found = file_of(location)
        document = found in self.app.env.found_docs
        return os.path.abspath(self.app.env.doc2path(found) if document else found)

    def write(self, ended: bool) -> None:
        note = {"files": sorted(self.files), "ended": ended}
        Path(self.app.doctreedir, NOTE).write_text(json.dumps(note), "utf-8")

    def read_again(
        self, app: Sphinx, env: BuildEnvironment, added: set, changed: set, removed: set
    ) -> set[str]:
        """The documents of which the last build warned."""
        failed = set(last(app)["files"])
        return {docname for docname, file in made_of(env) if file in failed}

    def write_again(self, app: Sphinx, env: BuildEnvironment) -> set[str]:
        """All documents, if the last build has read but not written all that it had."""
        ended = last(app)["ended"]
        self.write(ended=False)
        return set() if ended else env.found_docs

    def keep(self, app: Sphinx, exception: Exception | None) -> None:
        if exception is None:  # otherwise Sphinx starts afresh by itself
            self.write(ended=True)
            if self.files - {file for _, file in made_of(app.env)}:
                Path(app.doctreedir, ENV_PICKLE_FILENAME).unlink(missing_ok=True)


def made_of(env: BuildEnvironment) -> Iterator[tuple[str, str]]:
    """Each document with each file that it is made of."""
    for docname in env.found_docs:
        for file in (env.doc2path(docname), *env.dependencies.get(docname, ())):
            yield docname, os.path.abspath(file)


def last(app: Sphinx) -> dict:
    """What the last build noted."""
    file = Path(app.doctreedir, NOTE)
    if not file.is_file():
        return {"files": [], "ended": True}
    return json.loads(file.read_text("utf-8"))


def setup(app: Sphinx) -> None:
    failures = Failures(app)
    logging.getLogger("sphinx").addHandler(failures)
    app.connect("env-get-outdated", failures.read_again)
    app.connect("env-updated", failures.write_again, priority=Updated.FAILURES)
    app.connect("build-finished", failures.keep, priority=Finished.FAILURES)
