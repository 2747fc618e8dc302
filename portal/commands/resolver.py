"""Which versions of all packages satisfy ``pyproject.toml``: ``make lock``.

uv reads metadata alone and installs nothing. ``make lock`` writes ``requirements.lock``
for all platforms at once and keeps the versions that stand there where it can.
``make resolve`` proves that the file is up to date, and that pip finds each package
for each platform and Python below.

The packages of PyTorch's CUDA build are left out of the lock: PyTorch pins them
itself, and its CPU build, which satisfies the same line of the lock, needs none.

This file runs by its path, before there is an environment, on the standard library.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

UV = Path("build/uv/bin/uv")
PLATFORMS = {
    "Linux on x86-64": "x86_64-manylinux_2_28",
    "Linux on aarch64": "aarch64-manylinux_2_28",
    "macOS 14 on Apple silicon": "aarch64-apple-darwin",  # PyTorch builds for no other
    "Windows on x86-64": "x86_64-pc-windows-msvc",
}
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
BUILT_ON_INSTALL = ("feedgen", "quickjs")  # wheels for no or for some platforms
CUDA = re.compile(r"(cuda|nvidia)-")
HEADER = """\
# Every package of the environment, pinned. Written by `make lock` from pyproject.toml.
# What PyTorch's CUDA build needs beyond these is pinned by PyTorch itself.
"""
PLAIN = ("--quiet", "--no-header", "--no-annotate")
SETTINGS = {
    "UV_PYTHON_DOWNLOADS": "never",  # metadata of another Python needs no such Python
    "MACOSX_DEPLOYMENT_TARGET": "14.0",
}
UNREACHABLE = ("Failed to fetch", "network was disabled")


class Unreachable(OSError):
    """No package index answers."""


def compiled(root: Path, *arguments: str) -> str:
    """What ``uv pip compile`` prints.

    Raises
    ------
    Unreachable
        If no package index answers.
    ValueError
        If no versions satisfy what was asked for.
    """
    run = subprocess.run(
        [UV, "pip", "compile", "--python", sys.executable, *PLAIN, *arguments],
        cwd=root,
        env={**os.environ, **SETTINGS},
        capture_output=True,
        text=True,
        check=False,
    )
    if any(sign in run.stderr for sign in UNREACHABLE):
        raise Unreachable("the package index does not answer")
    if run.returncode:
        raise ValueError(run.stderr.strip())
    return run.stdout


def ranges(root: Path) -> list[str]:
    """Arguments that name what ``pyproject.toml`` asks for, all groups of it."""
    groups = tomllib.loads((root / "pyproject.toml").read_text())["dependency-groups"]
    return ["pyproject.toml", *(f"--group={name}" for name in groups)]


def without_cuda(pins: str) -> str:
    """The pins that do not belong to one build of PyTorch.

    >>> without_cuda("cycler==0.12\\nnvidia-cublas==13.1 ; sys_platform == 'linux'\\n")
    'cycler==0.12\\n'
    """
    return "".join(
        line for line in pins.splitlines(keepends=True) if not CUDA.match(line)
    )


def locked(root: Path, *options: str) -> str:
    """What ``requirements.lock`` should hold; versions that stand there are kept."""
    with tempfile.TemporaryDirectory() as folder:
        pins = shutil.copy(root / "requirements.lock", folder)
        universal = ("--universal", "--python-version", PYTHONS[0])
        compiled(root, *ranges(root), *universal, "--output-file", pins, *options)
        return HEADER + without_cuda(Path(pins).read_text())


def names(pins: str) -> set[str]:
    return set(re.findall(r"(?m)^([\w.-]+)==", pins))


def problem(root: Path, platform: str, python: str) -> str:
    """Why the lock cannot be installed there, or nothing."""
    pins = (root / "requirements.lock").read_text()
    wheels = [f"--only-binary={name}" for name in names(pins) - {*BUILT_ON_INSTALL}]
    target = ("--python-platform", platform, "--python-version", python)
    try:
        found = names(compiled(root, "requirements.lock", *target, *wheels))
    except ValueError as error:
        return str(error)
    missing = sorted(name for name in found - names(pins) if not CUDA.match(name))
    return f"not in requirements.lock: {', '.join(missing)}" if missing else ""


def check(root: Path) -> list[str]:
    """What is wrong with the lock."""
    if locked(root) != (root / "requirements.lock").read_text():
        return ["requirements.lock does not follow pyproject.toml: run make lock"]
    targets = [(name, python) for name in PLATFORMS for python in PYTHONS]
    with ThreadPoolExecutor(4) as pool:  # they wait for the index
        found = pool.map(lambda to: problem(root, PLATFORMS[to[0]], to[1]), targets)
        return [
            f"Python {python}, {name}: {why}"
            for (name, python), why in zip(targets, found, strict=True)
            if why
        ]


def main(command: str, *options: str) -> int:
    root = Path()
    try:
        if command == "lock":
            pins = locked(root, *options)
            (root / "requirements.lock").write_text(pins)
            return 0
        problems = check(root)
    except Unreachable as error:
        print(f"NOT CHECKED, {error}: requirements.lock", file=sys.stderr)
        return int(command == "lock")
    except ValueError as error:
        problems = [str(error)]
    print(*problems or [f"requirements.lock: {', '.join(PLATFORMS)}"], sep="\n")
    return len(problems) > 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
