"""Search by Pagefind: its index is made of the written pages, at the end of a build.

Pagefind reads a copy of each article, kept beside the doctrees, to which
``portal/outputs/search_words.py`` has added what readers type and the text does not
say. The published pages stay as they are. Nothing is indexed again unless a page or a
word has changed since. Where the site is opened from disk, Sphinx's own search answers.
(Pagefind's interface for Python takes no copies, but every page again in each build.)
"""

import hashlib
import json
import shutil
import subprocess
from pathlib import Path

from pagefind_bin import get_executable
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError

from portal.outputs import search_words
from portal.outputs.search_words import Words, words

UNUSED = ("*-ui.*", "*-highlight.js", "wasm.unknown.*")  # of what Pagefind writes


def stamps(app: Sphinx, known: dict[str, Words]) -> dict[str, str]:
    """Of each page what changes when it is written again, or is read in another way."""
    found, reader = {}, Path(search_words.__file__).read_bytes()
    for name, own in sorted(known.items()):
        status = Path(app.builder.get_outfilename(name)).stat()
        state = repr((status.st_mtime_ns, status.st_size, own, reader))
        found[name] = hashlib.sha256(state.encode()).hexdigest()
    return found


def copy(app: Sphinx, name: str, own: Words, folder: Path) -> None:
    """Write what is indexed of a page."""
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
    bundle, kept = Path(app.outdir, "pagefind"), Path(app.doctreedir, "search")
    note, pages = kept / "stamps.json", kept / "pages"
    known = words(app.env)
    old = json.loads(note.read_text()) if note.is_file() else {}
    new = stamps(app, known)
    if bundle.is_dir() and old == new:
        return
    note.unlink(missing_ok=True)
    shutil.rmtree(bundle, ignore_errors=True)
    if not old or old.keys() - new.keys():  # nobody knows, or pages went
        shutil.rmtree(kept, ignore_errors=True)
        old = {}
    for name, stamp in new.items():
        if old.get(name) != stamp:
            copy(app, name, known[name], pages)
    run(pages, bundle)
    note.write_text(json.dumps(new))


def add_script(app: Sphinx) -> None:
    if app.builder.name == "html":  # not in a book to be read offline
        app.add_js_file("search.js", loading_method="defer")


def setup(app: Sphinx) -> None:
    app.connect("builder-inited", add_script)
    app.connect("build-finished", index)
