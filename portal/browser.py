"""The built site in a real browser: served from its folder, opened in Chromium.

For tests and for ``make audit`` and ``make screenshots``. Needs the package
``playwright`` and an installed Chromium; no browser is downloaded.
"""

import functools
import http.server
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Browser

NAMES = ("chromium", "chromium-browser", "google-chrome")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def installed() -> str | None:
    """Path of the browser, if there is one."""
    return next(filter(None, map(shutil.which, NAMES)), None)


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *arguments: object) -> None:
        pass


@contextmanager
def serve(folder: Path) -> Iterator[str]:
    """The address at which the folder is served."""
    handler = functools.partial(Quiet, directory=folder)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@contextmanager
def launch() -> Iterator["Browser"]:
    """A browser without a window.

    Raises
    ------
    FileNotFoundError
        If none is installed.
    """
    from playwright.sync_api import sync_playwright

    if (path := installed()) is None:
        raise FileNotFoundError("no Chromium is installed: Debian's is chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


def pages(folder: Path) -> list[str]:
    """The pages of a built site, by their path."""
    found = sorted(str(path.relative_to(folder)) for path in folder.rglob("*.html"))
    return [name for name in found if not name.startswith("_")]
