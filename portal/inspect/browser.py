"""The built site in a real browser: served from its folder, opened in Chromium.

For tests and for ``make audit`` and ``make screenshots``. Needs the package
``playwright`` and an installed Chromium; no browser is downloaded.
"""

import functools
import gzip
import http.server
import io
import shutil
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

COMPRESSED = (".css", ".html", ".js", ".json", ".svg", ".txt", ".xml")
MOVED = '<meta http-equiv="refresh"'
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


class Handler(http.server.SimpleHTTPRequestHandler):
    """Serves files without a word; text is compressed, as by a host."""

    protocol_version = "HTTP/1.1"

    def send_head(self) -> io.BufferedIOBase | None:
        file = Path(self.translate_path(self.path))
        if not (file.is_file() and file.suffix in COMPRESSED):
            return super().send_head()
        return self.answer(file.read_bytes(), self.guess_type(str(file)))

    def answer(
        self, data: bytes, kind: str, status: HTTPStatus = HTTPStatus.OK
    ) -> io.BufferedIOBase:
        """Text of this kind."""
        self.send_response(status)
        if "gzip" in self.headers.get("Accept-Encoding", ""):
            data = gzip.compress(data)
            self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        return io.BytesIO(data)

    def log_message(self, *arguments: object) -> None:
        pass


class Server(http.server.ThreadingHTTPServer):
    def handle_error(self, request: object, client_address: object) -> None:
        """A browser that leaves a page no longer wants its files: that is no error."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


@contextmanager
def serve(folder: Path) -> Iterator[str]:
    """The address at which the folder is served."""
    handler = functools.partial(Handler, directory=folder)
    with Server(("127.0.0.1", 0), handler) as server:
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
        raise FileNotFoundError(
            "Chromium is not installed; on Debian its package is chromium"
        )
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


def loaded(page: "Page") -> list[str]:
    """The addresses of all that this page loaded beside itself."""
    return page.evaluate(
        "performance.getEntriesByType('resource').map((entry) => entry.name)"
    )


def pages(folder: Path) -> list[str]:
    """The pages of a built site, by their path, but those that lead to another."""
    found = sorted(folder.rglob("*.html"))
    staying = (path for path in found if MOVED not in path.read_text("utf-8"))
    names = (str(path.relative_to(folder)) for path in staying)
    return [name for name in names if not name.startswith("_")]
