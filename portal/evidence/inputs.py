"""What a result depends on: files, package versions, settings, each with a digest.

A package that is imported contributes the version of its distribution.
"""

import hashlib
import json
import sys
from functools import cache
from pathlib import Path

from portal.evidence.imports import closure, follow, module_files
from portal.worker.versions import installed

Inputs = dict[str, str]
HOME = Path(__file__).parents[2]  # where the portal itself lies


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@cache
def _digest(file: Path, saved: int) -> str:
    return digest(file.read_bytes())


def file_digest(file: Path) -> str:
    """The digest of a file. Many results depend on it: it is read once for all."""
    return _digest(file, file.stat().st_mtime_ns)


def of_script(script: Path, root: Path, maker: str, settings: object) -> Inputs:
    """Everything that can change what a script produces, by name.

    ``maker`` is what makes the result of it, as ``module:function``: its module counts
    with all that it imports. ``settings`` is anything with a stable ``repr``.

    Raises
    ------
    SyntaxError
        If the script or a module that it imports cannot be read or parsed, or declares
        a data file that is missing.
    """
    files, packages = closure(script, root)
    around = ".".join(script.relative_to(root).parent.parts)
    outer = set(module_files(around, root))
    return of_files(files | outer, packages, root, maker, settings)


def of_files(
    files: set[Path], packages: set[str], root: Path, maker: str, settings: object
) -> Inputs:
    """Digests of files, versions of packages, and what ``maker`` adds to a result."""
    made_by, more = portal_part(maker.partition(":")[0], HOME)
    inputs = {place(file, root): file_digest(file) for file in files | made_by}
    inputs |= {package: installed(package) for package in packages | more}
    inputs["settings"] = digest(repr(settings).encode())
    inputs["python"] = f"{sys.version_info.major}.{sys.version_info.minor}"
    return dict(sorted(inputs.items()))


@cache
def portal_part(module: str, home: Path) -> tuple[set[Path], set[str]]:
    """Files and packages behind a module of the portal; many results share them."""
    return follow({module}, home)


def place(file: Path, root: Path) -> str:
    """The name of a file of the checkout, or of the portal's own."""
    return str(file.relative_to(root if file.is_relative_to(root) else HOME))


def unlike(inputs: Inputs, root: Path) -> list[str]:
    """Names of those inputs, of the files and versions among them, that differ here."""
    here = {"python": f"{sys.version_info.major}.{sys.version_info.minor}"}
    for name, value in inputs.items():
        if "/" in name:
            places = (file for file in (root / name, HOME / name) if file.is_file())
            file = next(places, None)
            here[name] = digest(file.read_bytes()) if file else "absent"
        elif len(value) < 64 and name != "task":
            here.setdefault(name, installed(name))
    return [name for name, value in here.items() if inputs.get(name, value) != value]


def fingerprint(inputs: Inputs) -> str:
    return digest(json.dumps(inputs, sort_keys=True).encode())


def changes(old: Inputs, new: Inputs) -> list[str]:
    """Names of the inputs that differ.

    >>> changes({"a": "1", "b": "1"}, {"a": "2", "c": "1"})
    ['a', 'b', 'c']
    """
    return sorted(
        name for name in old.keys() | new.keys() if old.get(name) != new.get(name)
    )
