"""Small sites that are built as ``make html`` builds the portal."""

import contextlib
import io
import os
import re
import shutil
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest
from filelock import FileLock
from sphinx.cmd.build import build_main

from portal.evidence import lock
from portal.inspect import browser
from portal.pages.mirror import places

SCRIPT = '''\
"""
Figure
======

One line.
"""

import matplotlib.pyplot as plt

fig, ax = plt.subplots()
ax.plot([0, 1])
fig.set_label("A line that rises.")
'''
TEST = """\
def test_small(agrees):
    agrees([1.0], [1.0], "definition")
"""
HEADERS = {
    "snippets/GALLERY_HEADER.rst": ":orphan:\n\nGallery\n=======\n",
    "snippets/attention/GALLERY_HEADER.rst": "Attention\n---------\n",
}


FIELDS = ":summary: What it says.\n:level: introductory\n"


def with_fields(path: str, text: str) -> str:
    """An article that says what it is, so that a test need not."""
    if not re.fullmatch(r"docs/(?!gallery/)\w+/(?!index)\w+\.rst", path):
        return text
    if ":summary:" in text:
        return text
    prose = ":prose:\n" if text.startswith(":prose:\n") else ""
    return f"{prose}{FIELDS}\n{text.removeprefix(prose).lstrip()}"


def write_site(
    folder: Path, body: str = "Text.", files: dict[str, str] | None = None
) -> Path:
    """Writes the files of a site; see the fixture ``site``."""
    page = {
        "docs/attention/small.rst": "Small\n=====\n\nText.\n",
        "docs/references.bib": "@misc{real, author={A. Bee}, title={T}, year=2001}",
        "snippets/__init__.py": "",
        "snippets/attention/__init__.py": "",
        "snippets/attention/small.py": "def small(x):\n    return 2 * x\n",
        "snippets/attention/plot_small_line.py": SCRIPT,
        "tests/attention/test_small.py": TEST,
    }
    written = {**HEADERS, **page, **(files or {})}
    articles = [p[5:-4] for p in written if re.fullmatch(r"docs/\w+/\w+.rst", p)]
    toctree = "\n   ".join([".. toctree::", ":hidden:", "", *articles, "gallery/index"])
    written.setdefault("docs/index.rst", f"Site\n====\n\n{toctree}\n\n{body}\n")
    for path, text in written.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(with_fields(path, text), "utf-8")
    return folder


def build_portal(root: Path) -> None:
    """Runs ``make html``."""
    environment = {**os.environ, "PYTHONWARNINGS": ""}
    command = ["make", "html", "STAMP=", f"BIN={os.path.dirname(sys.executable)}"]
    run = subprocess.run(
        command, cwd=root, env=environment, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr


@dataclass
class Build:
    """How one build ended."""

    status: int
    output: str
    html: Path

    def page(self, name: str = "index") -> str:
        return (self.html / f"{name}.html").read_text("utf-8")


@pytest.fixture
def script() -> str:
    """A gallery script that is right: one cell, one figure."""
    return SCRIPT


@pytest.fixture
def page_files() -> Callable[..., dict[str, str]]:
    """The four files of a page, by path; its module is empty."""

    def page_files(book: str, page: str, script: str = SCRIPT) -> dict[str, str]:
        article = f"{page}\n{'=' * len(page)}\n"
        texts = zip(map(str, places(book, page)), (article, "", TEST), strict=True)
        return {**dict(texts), f"snippets/{book}/plot_{page}_line.py": script}

    return page_files


@pytest.fixture(scope="session")
def git() -> Callable[..., None]:
    """Runs git in a folder, with an identity and a fixed date."""

    def git(root: Path, *arguments: str, date: str = "2020-02-03T04:05:06Z") -> None:
        identity = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
        environment = {"GIT_COMMITTER_DATE": date, "PATH": "/usr/bin:/bin"}
        command = ["git", "-C", str(root), *identity, *arguments]
        subprocess.run(command, check=True, capture_output=True, env=environment)

    return git


@pytest.fixture
def wait_for() -> Callable[..., None]:
    """Waits until a condition holds, and fails if it does not within a minute."""

    def wait_for(condition: Callable[[], bool]) -> None:
        end = time.monotonic() + 60
        while not condition():
            assert time.monotonic() < end, "waited in vain"
            time.sleep(0.05)

    return wait_for


@pytest.fixture
def ran() -> Callable[[Path], list[str]]:
    """What the scripts of a site wrote into the file ``ran`` beside them."""

    def ran(root: Path) -> list[str]:
        notes = root / "snippets/attention/.ran"
        return notes.read_text().split() if notes.exists() else []

    return ran


@pytest.fixture(scope="session")
def evidence(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One store for all sites: what has the same inputs is run once."""
    return tmp_path_factory.mktemp("evidence")


@pytest.fixture(scope="session")
def templates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What Jinja compiles, once for all sites."""
    return tmp_path_factory.mktemp("templates")


@pytest.fixture(scope="session")
def new_site(
    root: Path, evidence: Path, templates: Path
) -> Callable[[Path], Callable[..., Path]]:
    """What ``site`` does, in a folder of choice, so that tests can share a site."""

    def new_site(folder: Path) -> Callable[..., Path]:
        (folder / "conf.py").write_text((root / "conf.py").read_text())
        (folder / "docs").mkdir()
        for name in ("_extra", "_static", "_templates"):
            (folder / "docs" / name).symlink_to(root / "docs" / name)
        (folder / "build").mkdir()
        (folder / "build/evidence").symlink_to(evidence)
        (folder / "build/templates").symlink_to(templates)
        return partial(write_site, folder)

    return new_site


@pytest.fixture
def site(tmp_path: Path, new_site: Callable) -> Callable[..., Path]:
    """Writes files below a folder that has the portal's own configuration.

    A page ``attention/small`` with all its files is there from the start, as example of
    what is right; ``site(body, {path: text})`` writes ``docs/index.rst`` and others.
    """
    return new_site(tmp_path)


@pytest.fixture(scope="module")
def shared_site(
    tmp_path_factory: pytest.TempPathFactory, new_site: Callable
) -> Callable[..., Path]:
    """The same, one folder for all tests of a module."""
    return new_site(tmp_path_factory.mktemp("site"))


@pytest.fixture(scope="session")
def make_html() -> Callable[..., Build]:
    """Builds a site with warnings as errors, as the Makefile does."""

    def make(root: Path, *options: str) -> Build:
        output = io.StringIO()
        arguments = ["-W", "--keep-going", "-n", "-c", str(root), "-b", "html"]
        arguments += ["-d", str(root / "build/doctrees"), *options]
        arguments += [str(root / "docs"), str(root / "build/html")]
        with (
            warnings.catch_warnings(),
            contextlib.redirect_stdout(output),
            contextlib.redirect_stderr(output),
        ):
            warnings.simplefilter("ignore")  # those of other extensions
            warnings.filterwarnings("error", module=r"portal\b")
            try:
                status = build_main(arguments)
            except SystemExit as end:
                status = end.code
        # On a terminal, and where CI is set, Sphinx colors and overwrites its lines.
        text = re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", output.getvalue())
        text = text.replace("\r", "\n")
        return Build(status, text, root / "build/html")

    return make


@pytest.fixture
def start(root: Path) -> Iterator[Callable[..., subprocess.Popen]]:
    """Starts a build in a process of its own, as ``make html`` does."""
    running = []

    def start(site_root, html="html"):
        command = [sys.executable, "-m", "sphinx", "-W", "-c", site_root]
        command += ["-d", site_root / f"build/{html}-doctrees"]
        command += [site_root / "docs", site_root / f"build/{html}"]
        build = subprocess.Popen(
            [str(part) for part in command],
            cwd=root,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        running.append(build)
        return build

    yield start
    for build in running:
        build.kill()
        build.wait()
        build.stdout.close()


@pytest.fixture(scope="session")
def html(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built portal, a copy that nothing writes to; workers of xdist share it."""
    shared = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = shared.parent
    copy = shared / "portal"
    with FileLock(shared / "portal.lock"):
        if not copy.exists():
            build_portal(root)
            with lock.acquire(root / "build/.turn", "to be copied"):
                shutil.copytree(root / "build/html", shared / "portal.part")
            (shared / "portal.part").rename(copy)
    return copy


@pytest.fixture(scope="session")
def server(html: Path) -> Iterator[str]:
    """Address of the built portal."""
    with browser.serve(html) as address:
        yield address


@pytest.fixture(scope="session")
def pages(html: Path) -> list[str]:
    """The pages of the built portal."""
    return browser.pages(html)
