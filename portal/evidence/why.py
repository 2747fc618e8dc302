"""``python -m portal why book/page``: is the page's evidence fresh, and if not, why.

Nothing is built, and of the site nothing runs but ``conf.py``: the inputs of each task
as they are now are compared with those of its last result.
"""

from pathlib import Path

from portal.evidence import build, remote, site, traces
from portal.evidence.inputs import changes
from portal.evidence.store import Store
from portal.evidence.work import Work
from portal.pages import mirror
from portal.text.utf8 import read


def behind(root: Path, book: str, page: str) -> list[Work]:
    """The work behind one page: scripts, tests, doctests, and the calls that it traces.

    Raises
    ------
    ValueError
        If there is no such page.
    """
    scripts = mirror.scripts(root)
    if (book, page) not in scripts:
        raise ValueError(f"there is no page {book}/{page}")
    own = [root / file for file in (*mirror.places(book, page), *scripts[book, page])]
    text = read(own[0]) if own[0].is_file() else ""
    traced = {request.task for _, request in traces.requests(text)}
    return [
        work
        for work in build.listed(site.read(root))
        if work.file in own or work.name in traced
    ]


def reason(work: Work, store: Store) -> str:
    """The task, and what changed since its last result.

    A result can also be gone with unchanged inputs: damaged, or deleted by hand.
    """
    last = store.latest(work.name)
    if store.get(work.key):
        return f"{work.name}: fresh"
    if last is None:
        return f"{work.name}: never ran"
    changed = changes(last.inputs, work.key)
    return f"{work.name}: stale, changed: {', '.join(changed) or 'its stored result'}"


def why(page: str, root: Path) -> list[str]:
    """The answer for ``book/page``, one line a task."""
    book, _, name = page.partition("/")
    root = root.resolve()
    store = remote.store(root)
    return [reason(work, store) for work in behind(root, book, name)]
