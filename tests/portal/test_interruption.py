"""A store that cannot be written, builds that are killed, two builds at once."""

import os
import shutil
import signal
import subprocess

import pytest

from portal.evidence.store import Store

RAN = "attention/plot_small_line.py "


@pytest.fixture
def small_disk(tmp_path):
    """A file system of one megabyte, at ``build/evidence``."""
    folder = tmp_path / "small"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=1m", "none", str(folder)]
    mounted = subprocess.run(command, capture_output=True, text=True, check=False)
    if mounted.returncode:
        pytest.skip(f"this user may not mount: {mounted.stderr.strip()}")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def with_store(root, folder):
    (root / "build/evidence").unlink()
    (root / "build/evidence").symlink_to(folder)
    return root


def contents(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def remount(folder, option):
    command = ["mount", "-o", f"remount,{option}", str(folder)]
    subprocess.run(command, check=True, capture_output=True)


def assert_said_once(build, root, cause):
    assert build.status == 1
    (line,) = [line for line in build.output.splitlines() if "ERROR" in line]
    assert f"evidence cannot be written to {root}/build/evidence: {cause}. Free" in line
    assert "Traceback" not in build.output


def fill(folder, free):
    """Leave ``free`` bytes of the disk."""
    usage = shutil.disk_usage(folder)
    (folder / ".fill").write_bytes(bytes(usage.free - free))


@pytest.mark.parametrize("free", [0, 8192, 200_000])
def test_full_disk(site, make_html, script, small_disk, free):
    root = with_store(site(), small_disk)
    assert make_html(root).status == 0
    fill(small_disk, free)
    before = contents(small_disk)
    path = root / "snippets/attention/plot_small_line.py"
    path.write_text(script.replace("[0, 1]", "__import__('numpy').random.rand(99999)"))
    assert_said_once(make_html(root), root, "No space left on device")
    assert contents(small_disk) == before
    assert not list(small_disk.glob(".scratch-*"))
    path.write_text(script)
    again = make_html(root)
    assert again.status == 0
    assert RAN not in again.output


def test_read_only_file_system(site, make_html, script, small_disk):
    root = with_store(site(), small_disk)
    assert make_html(root).status == 0
    before = contents(small_disk)
    remount(small_disk, "ro")
    (root / "snippets/attention/plot_small_line.py").write_text(f"{script}\n# other\n")
    assert_said_once(make_html(root), root, "Read-only file system")
    assert contents(small_disk) == before


def test_a_file_in_place_of_the_store(site, make_html):
    root = site()
    (root / "build/evidence").unlink()
    (root / "build/evidence").write_text("mine")
    assert_said_once(make_html(root), root, "File exists")
    assert (root / "build/evidence").read_text() == "mine"


@pytest.fixture
def slow_site(site, script, page_files):
    """A site with a script that notes when it runs, and ends when it may."""
    slow = f"""\
{script}
import time
from pathlib import Path

with Path(".ran").open("a") as notes:
    notes.write("slow ")
while not Path("may_end").exists():
    time.sleep(0.05)
"""
    quick = f"{script}\nwith open('.ran', 'a') as notes:\n    notes.write('quick ')\n"
    root = site(
        files={
            "snippets/attention/plot_small_line.py": quick,
            **page_files("attention", "slow", slow),
        }
    )
    (root / "build/evidence").unlink()
    return root


def test_a_killed_build_loses_only_what_was_running(slow_site, start, wait_for, ran):
    store = Store(slow_site / "build/evidence")
    first = start(slow_site)
    wait_for(lambda: len(store.entries()) == 3 and "slow" in ran(slow_site))
    os.kill(first.pid, signal.SIGKILL)
    first.wait()
    (slow_site / "snippets/attention/may_end").write_text("")
    second = start(slow_site)
    output, _ = second.communicate()
    assert second.returncode == 0, output
    assert sorted(ran(slow_site)) == ["quick", "slow", "slow"]
    assert len(store.entries()) == 4
    assert not list(store.folder.glob(".scratch-*"))


def test_of_two_builds_at_once_the_second_waits(slow_site, start, wait_for, ran):
    first = start(slow_site, "one")
    wait_for(lambda: "slow" in ran(slow_site))
    second = start(slow_site, "two")
    for line in second.stdout:
        if "waiting for another build" in line:
            break
    (slow_site / "snippets/attention/may_end").write_text("")
    for build in (first, second):
        output, _ = build.communicate()
        assert build.returncode == 0, output
    assert sorted(ran(slow_site)) == ["quick", "slow"]
    pages = [
        (slow_site / f"build/{html}/gallery/attention/plot_slow_line.html").read_text()
        for html in ("one", "two")
    ]
    assert pages[0] == pages[1]
    assert "A line that rises." in pages[0]
