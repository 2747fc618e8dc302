"""Serves a site that is being built, with a banner of what is wrong over its pages.

A page loads ``live.js`` from here, which its policy allows. The script asks each second
for the state of the site, shows its problems, and reloads when the site has changed.
"""

import functools
import hashlib
import io
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from http import HTTPStatus
from pathlib import Path
from urllib.parse import urlsplit

from portal.inspect import browser
from portal.live.problems import Problem

HERE = Path(__file__).parent
OWN = "/_live/"  # the addresses of what is served from here
PAGE = "text/html; charset=utf-8"


@dataclass(frozen=True)
class State:
    """Which files a site has, and what was wrong with its last build."""

    version: str
    problems: tuple[Problem, ...] = ()

    @classmethod
    def of(cls, folder: Path, problems: list[Problem]) -> "State":
        files = (path for path in folder.rglob("*") if path.is_file())
        known = sorted((str(path), path.stat().st_mtime_ns) for path in files)
        version = hashlib.sha256(repr(known).encode()).hexdigest()
        return cls(version, tuple(problems))

    @property
    def head(self) -> bytes:
        """What a page needs to show the banner."""
        style = f'<link rel="stylesheet" href="{OWN}live.css">'
        script = f'<script defer src="{OWN}live.js" data-version="{self.version}">'
        return f"{style}{script}</script>".encode()


class Handler(browser.Handler):
    server: "Server"

    def send_head(self) -> io.BufferedIOBase | None:
        address = urlsplit(self.path).path
        if address == f"{OWN}state":
            state = json.dumps(asdict(self.server.state)).encode()
            return self.answer(state, "application/json")
        if address in (f"{OWN}live.js", f"{OWN}live.css"):
            own = HERE / address.removeprefix(OWN)
            return self.answer(own.read_bytes(), self.guess_type(str(own)))
        file = Path(self.translate_path(self.path))
        if file.is_dir() and address.endswith("/"):
            file /= "index.html"
        if not file.exists():
            lost = Path(self.directory, "404.html")
            lost = lost if lost.exists() else HERE / "unbuilt.html"
            return self.page(lost, HTTPStatus.NOT_FOUND)
        return self.page(file) if file.suffix == ".html" else super().send_head()

    def page(self, file: Path, status: HTTPStatus = HTTPStatus.OK) -> io.BufferedIOBase:
        """A page that loads the banner."""
        text = file.read_bytes()
        text = text.replace(b"</head>", self.server.state.head + b"</head>", 1)
        return self.answer(text, PAGE, status)

    def end_headers(self) -> None:
        self.send_header("Cache-Control", "no-cache")  # what is shown is the last build
        super().end_headers()


class Server(browser.Server):
    """Serves ``folder`` in the state that a build left it in."""

    def __init__(self, folder: Path, port: int) -> None:
        self.state = State.of(folder, [])
        handler = functools.partial(Handler, directory=str(folder))
        super().__init__(("127.0.0.1", port), handler)


@contextmanager
def serve(folder: Path, port: int) -> Iterator[Server]:
    """A server of this folder; port 0 stands for any that is free.

    Raises
    ------
    OSError
        If the port is in use.
    """
    try:
        server = Server(folder, port)
    except OSError as error:
        hint = f"choose another, as in: make live port={port + 1}"
        raise OSError(f"port {port}: {error.strerror}; {hint}") from error
    with server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()
