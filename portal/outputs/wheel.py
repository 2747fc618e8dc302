"""The package ``snippets`` as a wheel of the site, so that its code runs anywhere.

Its version is that of ``pyproject.toml`` with the commit: ``0.1.0+g126a733914``, and
``.changed`` where files differ from it. The wheel is made of a copy, by setuptools,
without network, and kept until something in it changes.
"""

import hashlib
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from portal.pages.history import Unavailable, commit, git

PROJECT = "pyproject.toml"
VERSION = re.compile(r'(?m)^version = "(.+)"$')
BUILD = "import setuptools.build_meta as b, sys; b.build_wheel(sys.argv[1])"


def parts(root: Path) -> list[Path]:
    """The files that a wheel is made of."""
    texts = [root / PROJECT, *root.glob("README.md"), *root.glob("LICENSE*")]
    files = [file for file in texts if file.is_file()]
    code = (file for file in root.glob("snippets/**/*") if file.suffix == ".py")
    return [*files, *sorted(code)]


def version(root: Path) -> str:
    """The version of a wheel made now."""
    declared = VERSION.search((root / PROJECT).read_text("utf-8"))[1]
    name = commit(root)
    if not name:
        return declared
    try:
        changed = git(root, "status", "--porcelain", "--", "snippets", PROJECT)
    except Unavailable:
        changed = ""
    return f"{declared}+g{name}{'.changed' if changed else ''}"


def make(root: Path, name: str, folder: Path) -> None:
    """Make the wheel of version ``name`` in ``folder``.

    Raises
    ------
    subprocess.CalledProcessError
        If it cannot be built; the backend has said why.
    """
    with tempfile.TemporaryDirectory() as scratch:
        for file in parts(root):
            copy = Path(scratch, file.relative_to(root))
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, copy)
        project = Path(scratch, PROJECT)
        text = VERSION.sub(f'version = "{name}"', project.read_text("utf-8"))
        project.write_text(text, "utf-8")
        subprocess.run(
            [sys.executable, "-c", BUILD, folder.resolve()],
            cwd=scratch,
            capture_output=True,
            check=True,
        )


def wheel(root: Path) -> Path:
    """The wheel of the package as it is; made if there is none yet."""
    name = version(root)
    digest = hashlib.sha256(name.encode())
    for file in parts(root):
        digest.update(file.read_bytes())
    kept = root / "build/wheel"
    folder = kept / digest.hexdigest()[:16]
    if not folder.is_dir():
        shutil.rmtree(kept, ignore_errors=True)
        kept.mkdir(parents=True)
        with tempfile.TemporaryDirectory(dir=kept) as scratch:
            make(root, name, Path(scratch))
            shutil.copytree(scratch, folder)
    return next(folder.glob("*.whl"))
