"""The files and packages that a file imports, and the data files that it declares.

Imports are found in the syntax tree, never by importing. Those that lead into the
repository are followed.
"""

import ast
import os
import re
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

from portal.text.utf8 import read

DATA = re.compile(r"# sphinx_gallery_data = (.+)")


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
