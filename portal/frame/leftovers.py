"""Nothing is left of a page, figure or other file that the site no longer has.

Every build writes all files anew but those of unchanged pages and their images. So
when pages are about to be written, everything else that earlier builds wrote is
removed. What someone else put there stays: ``.written`` in the output lists both.
"""

import contextlib
import json
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.builders import Builder

from portal.order import Finished

NOTE = ".written"
KEPT = {".buildinfo", "searchindex.js", NOTE}  # read again by who writes them


def present(folder: Path) -> set[str]:
    """All files, by path, but the search's index, which ``outputs.search`` clears."""
    files = (path for path in folder.rglob("*") if path.is_file())
    names = {path.relative_to(folder).as_posix() for path in files}
    return {name for name in names if not name.startswith("pagefind/")}


def wanted(builder: Builder) -> set[str]:
    """The files that a build does not write again unless their page has changed."""
    found = set(KEPT)
    for docname in builder.env.found_docs:
        found |= {builder.get_target_uri(docname), f"{docname}.txt"}
        found |= {f"_cards/{docname}.png", f"_sources/{docname}.rst.txt"}
    return found | {f"_images/{name}" for _, name in builder.env.images.values()}


def read(folder: Path) -> dict[str, list[str] | None]:
    """What is known of the output; of one that is new, that nothing in it is ours."""
    file = folder / NOTE
    if file.is_file():
        return json.loads(file.read_text("utf-8"))
    return {"foreign": [], "own": []}


def write(folder: Path, foreign: set[str], own: set[str] | None) -> None:
    note = {"foreign": sorted(foreign), "own": None if own is None else sorted(own)}
    (folder / NOTE).write_text(json.dumps(note, indent=1), "utf-8")


def drop(folder: Path, name: str) -> None:
    """Remove a file, and folders that it leaves empty."""
    file = folder / name
    file.unlink()
    with contextlib.suppress(OSError):  # not empty
        for parent in file.relative_to(folder).parents[:-1]:
            (folder / parent).rmdir()


def clear(app: Sphinx, builder: Builder) -> None:
    """Remove what no page needs.

    If the last build was interrupted, the files that have come since are its own.
    """
    if builder.name != "html":
        return
    folder = Path(builder.outdir)
    known, there = read(folder), present(folder)
    foreign = there & set(known["foreign"])
    if known["own"] is not None:
        foreign |= there - set(known["own"]) - {NOTE, ".buildinfo.bak"}
    write(folder, foreign, None)
    for name in there - foreign - wanted(builder):
        drop(folder, name)


def note(app: Sphinx, exception: Exception | None) -> None:
    if exception is None and app.builder.name == "html":
        folder = Path(app.outdir)
        foreign = set(read(folder)["foreign"])
        write(folder, foreign, present(folder) - foreign)


def setup(app: Sphinx) -> None:
    app.connect("write-started", clear)
    app.connect("build-finished", note, priority=Finished.LEFTOVERS)
