"""Search by Pagefind: its index is made of the written pages, at the end of a build.

Pagefind reads a copy of each article, to which ``portal/search_words.py`` has added
what readers type and the text does not say. The published pages stay as they are.
Nothing is indexed again unless a page or a word has changed since. Where the site is
opened from disk, Sphinx's own search answers.
"""

import hashlib
import shutil
import subprocess
import tempfile
from pathlib import Path

from pagefind_bin import get_executable
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError

from portal.search_words import Words, words

UNUSED = ("*-ui.*", "*-highlight.js", "wasm.unknown.*")  # of what Pagefind writes


def fingerprint(app: Sphinx, known: dict[str, Words]) -> str:
    """Changes when a page has been written again, or its words are others."""
    state = []
    for name, own in sorted(known.items()):
        status = Path(app.builder.get_outfilename(name)).stat()
        state.append((name, status.st_mtime_ns, status.st_size, own))
    return hashlib.sha256(repr(state).encode()).hexdigest()


def copy(app: Sphinx, known: dict[str, Words], folder: Path) -> None:
    """Write what is indexed of each page."""
    for name, own in known.items():
        page = Path(app.builder.get_outfilename(name)).read_text("utf-8")
        target = folder / app.builder.get_target_uri(name)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(own.page(page), "utf-8")


def run(folder: Path, bundle: Path) -> None:
    """Index a folder.

    Raises
    ------
    ExtensionError
        If Pagefind fails; the message has what it printed.
    """
    command = [str(get_executable()), "--quiet", "--keep-index-url"]
    command += ["--site", str(folder), "--output-path", str(bundle)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ExtensionError(f"pagefind failed: {done.stdout}{done.stderr}")
    for pattern in UNUSED:
        for file in bundle.glob(pattern):
            file.unlink()


def index(app: Sphinx, exception: Exception | None) -> None:
    if exception is not None or app.builder.name != "html":
        return
    bundle, note = Path(app.outdir, "pagefind"), Path(app.doctreedir, "searched")
    known = words(app.env)
    new = fingerprint(app, known)
    if bundle.is_dir() and note.is_file() and note.read_text() == new:
        return
    note.unlink(missing_ok=True)
    shutil.rmtree(bundle, ignore_errors=True)
    with tempfile.TemporaryDirectory() as folder:
        copy(app, known, Path(folder))
        run(Path(folder), bundle)
    note.write_text(new)


def add_script(app: Sphinx) -> None:
    if app.builder.name == "html":  # not in a book to be read offline
        app.add_js_file("search.js", loading_method="defer")


def setup(app: Sphinx) -> None:
    app.connect("builder-inited", add_script)
    app.connect("build-finished", index)
