"""``make live``, started as an author starts it: saves, builds, and the banner."""

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request

import pytest

from portal.inspect import audit
from portal.live.problems import Problem
from portal.live.server import State
from portal.live.server import serve as serve_folder

FIRST, PAGE, SCRIPT = (
    "everything",
    "docs/index.rst",
    "snippets/attention/plot_small_line.py",
)
FOUND = """async () =>
  (await axe.run(".live-problems")).violations.map(({help}) => help)"""
PHONE = {"width": 360, "height": 640}


class Live:
    """A running ``make live``, with what it printed."""

    def __init__(self, process, log):
        self.process, self.log = process, log

    @property
    def said(self):
        return self.log.read_text()

    @property
    def address(self):
        return re.search(r"serving (\S+),", self.said)[1]

    @property
    def builds(self):
        """What each build was started by."""
        return re.findall(r"^building: (.*)$", self.said, re.MULTILINE)

    @property
    def ended(self):
        return len(re.findall(r"^(?:the site is whole|problems: )", self.said, re.M))

    @property
    def problems(self):
        with urllib.request.urlopen(f"{self.address}_live/state") as answer:
            return json.load(answer)["problems"]


@pytest.fixture
def serve(root, tmp_path, wait_for):
    """Starts ``make live`` in a site; ends it, and all that it started, afterwards."""
    started = []

    def serve(site_root):
        command = ["make", "-f", root / "Makefile", "live", "STAMP=", "port=0"]
        command += [f"BIN={os.path.dirname(sys.executable)}"]
        log = tmp_path / "log"
        with log.open("w") as output:
            process = subprocess.Popen(
                command,
                cwd=site_root,
                env={**os.environ, "PYTHONPATH": str(root), "MAKEFLAGS": ""},
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        started.append(process)
        live = Live(process, log)
        wait_for(lambda: live.builds)
        return live

    yield serve
    for process in started:
        os.killpg(process.pid, signal.SIGINT)
        process.wait(timeout=30)


@pytest.fixture
def settle(wait_for):
    """Waits until this many builds have ended and, for a while, no other begins."""

    def settle(live, count):
        wait_for(lambda: live.ended >= count)
        time.sleep(2)
        assert (len(live.builds), live.ended) == (count, count), live.said

    return settle


def edit(file, old, new):
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


def replace(file, old, new):
    """Edit a file as those editors do that put a new one in its place."""
    part = file.with_name(f".{file.name}.part")
    part.write_text(file.read_text())
    edit(part, old, new)
    part.replace(file)


def test_each_save_brings_one_build_and_then_quiet(site, serve, settle):
    root = site()
    live = serve(root)
    edit(root / PAGE, "Text.", "Saved early.")  # while the first build runs
    settle(live, 2)
    edit(root / SCRIPT, "[0, 1]", "[0, 2]")  # files of the gallery are made again
    settle(live, 3)
    for name in ("one", "two"):
        replace(root / "conf.py", '"""', f'"""{name} ')
        settle(live, 4 if name == "one" else 5)
    assert live.builds == [FIRST, PAGE, SCRIPT, "conf.py", "conf.py"]
    page = urllib.request.urlopen(live.address).read().decode()
    assert "Saved early." in page
    assert "copying" not in live.said
    assert not list((root / "build/live/html").rglob("*live.js"))
    assert "live.js" not in (root / "build/live/html/index.html").read_text()


def test_an_error_stands_over_the_last_good_page_until_it_is_mended(
    site, serve, chromium
):
    root = site()
    edit(root / SCRIPT, "ax.plot", "ax.plod")
    live = serve(root)
    with chromium.new_context() as context:
        tab = context.new_page()
        tab.goto(f"{live.address}attention/small.html")
        banner = tab.get_by_role("alert")
        banner.filter(has_text=f"{SCRIPT}:11").wait_for(timeout=60_000)
        assert "has no attribute 'plod'" in banner.inner_text()
        assert tab.title() == "Not built yet"  # there is no good page so far

        edit(root / SCRIPT, "ax.plod", "ax.plot")
        tab.get_by_role("heading", name="Small").wait_for(timeout=60_000)
        assert banner.count() == 0

        edit(root / "conf.py", "import os", "import os, nowhere")
        banner.filter(has_text="conf.py:3").wait_for(timeout=60_000)
        assert "No module named 'nowhere'" in banner.inner_text()
        assert tab.get_by_role("heading", name="Small").is_visible()

        edit(root / "docs/attention/small.rst", "Text.", "See :doc:`nothing`.")
        edit(root / "conf.py", "import os, nowhere", "import os")
        banner.filter(has_text="docs/attention/small.rst:7").wait_for(timeout=60_000)
        assert "there is no page '/attention/nothing'" in banner.inner_text()

        edit(root / "docs/attention/small.rst", "See :doc:`nothing`.", "All is well.")
        tab.get_by_text("All is well.").wait_for(timeout=60_000)
        assert banner.count() == 0


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_banner_hinders_no_reader(site, make_html, chromium, theme):
    """On a phone, by keyboard, for axe-core, and under the policy of the page."""
    build = make_html(site())
    assert build.status == 0, build.output
    with (
        serve_folder(build.html, 0) as server,
        chromium.new_context(viewport=PHONE, color_scheme=theme) as context,
    ):
        found = Problem("docs/attention/small.rst:7", "x" * 200 + "\n" * 40 + "<b>end")
        server.state = State(server.state.version, (found,))
        context.add_init_script(audit.WATCH)
        tab = context.new_page()
        tab.goto(f"http://127.0.0.1:{server.server_port}/attention/small.html")
        banner = tab.get_by_role("alert")
        banner.wait_for()
        assert "<b>end" in banner.inner_text()
        box = banner.bounding_box()
        assert (box["x"], box["width"]) == (0, PHONE["width"])
        assert box["height"] <= PHONE["height"] / 2
        assert banner.locator("ol").evaluate("list => list.scrollWidth") <= box["width"]
        tab.evaluate(audit.axe())
        assert tab.evaluate(FOUND) == []
        assert tab.evaluate("seen.violations") == []
        banner.get_by_role("button").focus()
        tab.keyboard.press("Enter")
        banner.wait_for(state="detached")


def test_a_port_in_use_is_told(tmp_path):
    with serve_folder(tmp_path, 0) as server:
        port = server.server_port
        hint = f"port {port}: .* make live port={port + 1}"
        with pytest.raises(OSError, match=hint), serve_folder(tmp_path, port):
            pass
