"""What was saved in the folders from which a site is built.

Watching begins before the first build and goes on during each, so that no save is lost.
What a build itself writes is not watched, or it would bring the next one.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from watchfiles import Change, DefaultFilter, watch

FOLDERS = ("docs", "portal", "snippets", "tests")
SETTINGS = "conf.py"
GENERATED = "docs/gallery"
SCRATCH = (re.compile(r"^\."), re.compile(r"^#.*#$"))  # of editors
PAUSE = 100  # milliseconds without a change, after which the folders are asked again


def is_source(root: Path, path: Path) -> bool:
    """Whether a saved file is one that pages are built from.

    >>> root = Path("/a")
    >>> paths = "docs/gallery.rst", "docs/gallery/a/b.rst", "snippets/.part", "docs/#a#"
    >>> [is_source(root, root / path) for path in paths]
    [True, False, False, False]
    """
    is_kept = not any(pattern.search(path.name) for pattern in SCRATCH)
    return is_kept and not path.is_relative_to(root / GENERATED)


def saves(root: Path) -> Iterator[list[str]]:
    """The files that were saved since the last time; at first there are none.

    The folder of the settings is watched, not their file: editors replace it.
    """
    common = DefaultFilter()

    def is_wanted(change: Change, path: str) -> bool:
        return common(change, path) and is_source(root, Path(path))

    def is_settings(change: Change, path: str) -> bool:
        return Path(path) == root / SETTINGS

    folders = [root / name for name in FOLDERS if (root / name).is_dir()]
    often = {"rust_timeout": PAUSE, "yield_on_timeout": True}
    inner = watch(*folders, watch_filter=is_wanted, **often)
    outer = watch(root, watch_filter=is_settings, recursive=False, **often)
    first = True
    for changes in map(set.union, inner, outer):
        if changes or first:
            yield sorted({str(Path(path).relative_to(root)) for _, path in changes})
        first = False
