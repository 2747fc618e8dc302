"""Builds of one site take turns."""

import subprocess
import sys

from filelock import FileLock


def test_a_build_touches_nothing_before_its_turn(site, start):
    folder = site()
    mark = folder / "build/html/.complete"
    mark.parent.mkdir()
    mark.touch()
    with FileLock(folder / "build/.turn"):
        build = start(folder)
        before = []
        for line in build.stdout:
            before.append(line)
            if "waiting for another build of this site" in line:
                break
        else:
            raise AssertionError("".join(before))
        assert mark.exists()
        assert not (folder / "docs/gallery").exists()
    rest, _ = build.communicate()
    assert build.returncode == 0, rest
    assert not mark.exists()
    assert (folder / "build/html/index.html").exists()


def test_a_folder_that_cannot_be_made_is_named(site):
    folder = site()
    for link in (folder / "build").iterdir():
        link.unlink()
    (folder / "build").rmdir()
    (folder / "build").write_text("mine")
    command = [sys.executable, "-m", "sphinx", "-c", folder, folder / "docs"]
    build = subprocess.run(
        [str(part) for part in (*command, folder / "html")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert build.returncode != 0
    assert f"{folder}/build is not writable: File exists" in build.stderr
