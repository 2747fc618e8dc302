"""``python -m portal why book/page``: is its evidence fresh, and if not, what changed?

The inputs are computed as a build would compute them, from the files as they are now;
nothing runs.
"""

import runpy
from pathlib import Path
from types import SimpleNamespace

from portal import mirror
from portal.evidence.build import KINDS
from portal.evidence.gallery import settings
from portal.evidence.inputs import changes
from portal.evidence.store import Store
from portal.evidence.work import Work


def works(page: str, root: Path) -> list[Work]:
    """The pieces of work whose results ``book/page`` shows.

    Raises
    ------
    ValueError
        If there is no such page.
    """
    book, _, name = page.partition("/")
    if (book, name) not in mirror.pages(root):
        raise ValueError(f"there is no page {page}")
    written = runpy.run_path(str(root / "conf.py"))["sphinx_gallery_conf"]
    config = SimpleNamespace(
        evidence_settings=settings(written),
        evidence_time_limit=0,
        sphinx_gallery_conf=written,
    )
    site = SimpleNamespace(confdir=root, srcdir=root / "docs", config=config)
    files = {root / place for place in mirror.places(book, name)}
    return [work for kind in KINDS for work in kind(site) if work.file in files]


def why(page: str, root: Path) -> list[str]:
    """For each task of a page: fresh, never run, or the inputs that changed."""
    store = Store(root / "build/evidence")
    lines = []
    for work in works(page, root):
        if store.get(work.key):
            lines.append(f"{work.name}: fresh")
        elif last := store.latest(work.name):
            changed = ", ".join(changes(last.inputs, work.key))
            lines.append(f"{work.name}: stale, changed: {changed or 'its result'}")
        else:
            lines.append(f"{work.name}: never run")
    return lines
