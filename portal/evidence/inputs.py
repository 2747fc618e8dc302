"""What a result depends on: files, package versions, settings, each with a digest.

Imports are found in the syntax tree, never by importing. Those that lead into the
repository are followed; the others contribute the version of their distribution.
"""

import ast
import hashlib
import json
import os
import re
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

from portal.text.utf8 import read
from portal.worker.versions import installed

Inputs = dict[str, str]
DATA = re.compile(r"# sphinx_gallery_data = (.+)")
HOME = Path(__file__).parents[2]  # where the portal itself lies


def imported_names(
    text: str, package: tuple[str, ...], file: Path = Path("<string>")
) -> set[str]:
    """Dotted names that a module of ``package`` imports, relative ones resolved.

    >>> text = "import torch.nn\\nfrom . import gpt"
    >>> sorted(imported_names(text, ("snippets", "a")))
    ['snippets.a', 'snippets.a.gpt', 'torch.nn']
    """
    names = set()
    for node in ast.walk(ast.parse(text, file)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            stem = ".".join([*base, *filter(None, [node.module])])
            names |= {stem, *(f"{stem}.{alias.name}" for alias in node.names)}
    return names


@cache
def possible_files(name: str, root: Path) -> tuple[Path, ...]:
    """Where the packages and the module of a dotted name would lie, parents first."""
    parts = name.split(".")
    bases = [root.joinpath(*parts[:depth]) for depth in range(1, len(parts) + 1)]
    return tuple(
        file
        for base in bases
        for file in (base / "__init__.py", base.with_suffix(".py"))
    )


def module_files(name: str, root: Path) -> list[Path]:
    """Files under ``root`` that importing ``name`` executes, parents first."""
    return [file for file in possible_files(name, root) if os.path.isfile(file)]


def declared(file: Path, text: str) -> Iterator[Path]:
    """Data files that a module or script reads: ``# sphinx_gallery_data = words.txt``.

    Paths are relative to the file; several are separated by spaces.

    Raises
    ------
    SyntaxError
        If there is no such file.
    """
    for number, line in enumerate(text.splitlines(), start=1):
        match = DATA.fullmatch(line)
        for name in match[1].split() if match else ():
            data = Path(os.path.normpath(file.parent / name))
            if not data.is_file():
                message = f"declared data file {name} is missing"
                raise SyntaxError(message, (str(file), number, 1, line))
            yield data


class Module(NamedTuple):
    names: set[str]  # imported
    data: set[Path]


@cache
def _module(file: Path, root: Path, saved: int) -> Module:
    text = read(file)
    names = imported_names(text, file.relative_to(root).parent.parts, file)
    return Module(names, set(declared(file, text)))


def module(file: Path, root: Path) -> Module:
    """What a module imports and reads. Many reach it: it is parsed once for all."""
    return _module(file, root, file.stat().st_mtime_ns)


def follow(names: set[str], root: Path) -> tuple[set[Path], set[str]]:
    """Files of the repository that importing ``names`` reaches, packages outside."""
    files, packages, todo, seen = set(), set(), list(names), set(names)
    while todo:
        name = todo.pop()
        found = module_files(name, root)
        if not found:
            packages.add(name.split(".")[0])
        for file in set(found) - files:
            imported, data = module(file, root)
            files |= {file, *data}
            todo += imported - seen
            seen |= imported
    return files, packages - sys.stdlib_module_names


def closure(file: Path, root: Path) -> tuple[set[Path], set[str]]:
    """Files of the repository that ``file`` reaches, and packages outside it."""
    names, data = module(file, root)
    files, packages = follow(names, root)
    return files | {file, *data}, packages


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
