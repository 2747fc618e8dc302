"""A document is read again when what its files hold has changed, whatever their dates.

Its files are its source and what it depends on: figures, measured values, listings,
sources. Sphinx compares their dates with that of the last reading. A file that was
written anew with the same text counts there, and one that was put back from an older
copy does not.
"""

import time
from pathlib import Path
from typing import NamedTuple

from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment

from portal.evidence.inputs import digest
from portal.order import Inited
from portal.pages.per_document import PerDocument


class Content(NamedTuple):
    """What a file holds; unless date or size change, it is not read to tell."""

    moment: int
    size: int
    digest: str


# The files of each document, as they were when it was read; ``None`` is no file.
contents = PerDocument[dict[Path, Content | None]]("contents")


def content(file: Path, known: Content | None = None) -> Content | None:
    try:
        status = file.stat()
        if known and known[:2] == (status.st_mtime_ns, status.st_size):
            return known
        return Content(status.st_mtime_ns, status.st_size, digest(file.read_bytes()))
    except OSError:
        return None


def is_same(one: Content | None, other: Content | None) -> bool:
    """Whether there is the same to be read."""
    return one == other or bool(one and other and one.digest == other.digest)


def compare(app: Sphinx) -> None:
    """Have Sphinx read a document again when, and only when, its files hold others."""
    now = time.time_ns() // 1000
    for docname, old in contents(app.env).items():
        new = {file: content(file, known) for file, known in old.items()}
        same = all(is_same(old[file], new[file]) for file in old)
        app.env.all_docs[docname] = now if same else 0
        if same:
            old.update(new)


def note(app: Sphinx, env: BuildEnvironment) -> None:
    """Keep what the files hold of documents that were read.

    What was saved since then is left out, so that it is read next time.
    """
    for docname in env.all_docs.keys() - contents(env).keys():
        files = {env.doc2path(docname), *env.dependencies.get(docname, ())}
        found = {file: content(file) for file in files}
        read = env.all_docs[docname] * 1000
        if all(one is None or one.moment <= read for one in found.values()):
            contents(env)[docname] = found


def setup(app: Sphinx) -> None:
    contents.connect(app)
    app.connect("builder-inited", compare, priority=Inited.CONTENTS)
    app.connect("env-updated", note)
