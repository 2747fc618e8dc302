"""Before pages are read: have missing evidence made, and put all where Sphinx looks.

``gallery``, ``agreements``, ``traces`` and ``doctests`` each list their work. A piece
of work is run when the store has no result for its inputs; every result is then copied
below ``docs/gallery``, where Sphinx-Gallery and the directives look, and nothing else
is left there.
"""

from collections.abc import Callable
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.util import logging

from portal.evidence import (
    agreements,
    doctests,
    gallery,
    remote,
    scripts,
    shard,
    site,
    traces,
)
from portal.evidence.make import make, prepare
from portal.evidence.site import Site
from portal.evidence.store import Entry, Unavailable, writing
from portal.evidence.work import Work
from portal.order import Inited

logger = logging.getLogger(__name__)
KINDS: tuple[Callable[[Site], list[Work]], ...] = (
    gallery.work,
    agreements.work,
    traces.work,
    doctests.work,
)


def listed(site: Site) -> list[Work]:
    """All the work there is, of every kind."""
    return [work for kind in KINDS for work in kind(site)]


def sweep(gallery: Path, live: set[Path]) -> None:
    """Remove what deleted and renamed scripts left in the gallery."""
    for path in sorted(gallery.rglob("*"), reverse=True):
        if path.is_dir():
            if not any(path.iterdir()):
                path.rmdir()
        elif path not in live and path.name != "index.rst":
            path.unlink()
    for index in gallery.glob("*/index.rst"):
        if not any(file.is_relative_to(index.parent) for file in live):
            index.unlink()
            index.parent.rmdir()


def copy(made: list[Entry], target: Path) -> set[Path]:
    """Copy every result below ``target``; returns the files."""
    for entry in made:
        entry.copy_to(target)
    return {target / name for entry in made for name in entry.digests}


def update(app: Sphinx) -> None:
    """Make missing evidence, and put all of it below ``docs/gallery``.

    When that fails, the build ends and the pages that were there are untouched. A
    second build waits until the first has its evidence.
    """
    pages = Path(app.srcdir, "gallery")
    try:
        store = remote.store(Path(app.confdir))
        part = app.config.evidence_shard
        wanted = shard.share(listed(app), store.times(), part or "1/1")
        with writing(store.folder), store.lock():
            made = make(wanted, store)
            if part:
                raise SystemExit(0)
            store.keep_times({entry.task: entry.seconds for entry in made})
            with writing(pages):
                live = copy(made, Path(app.srcdir))
                sweep(pages, live | scripts.places(Path(app.confdir)).keys())
                scripts.write(Path(app.confdir))  # of what is left there
    except SyntaxError as error:
        logger.error(error.msg, location=f"{error.filename}:{error.lineno}")
        raise SystemExit(1) from error
    except Unavailable as error:
        logger.error("%s", error)
        raise SystemExit(1) from error


def setup(app: Sphinx) -> None:
    prepare(Path(app.confdir))
    site.setup(app)
    gallery.setup(app)
    app.connect("builder-inited", update, priority=Inited.EVIDENCE)
