"""Evidence of doctests: the examples of each article and module, run by pytest.

An article counts by its examples and by what they import, so that an edit of its prose
runs nothing. A module whose examples import more than the module itself depends on that
too.
"""

import ast
import contextlib
import doctest
import re
from collections.abc import Iterator
from pathlib import Path

from portal.evidence.imports import closure, follow, imported_names
from portal.evidence.inputs import Inputs, of_files
from portal.evidence.site import Site, documents
from portal.evidence.work import Work
from portal.text.utf8 import read

MAKER = "portal.worker.doctests:make"
DOCUMENTED = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
PARSER = doctest.DocTestParser()


def texts(file: Path) -> Iterator[tuple[int, str]]:
    """What may hold examples: an article, or each docstring, after so many lines.

    Raises
    ------
    SyntaxError
        If a file cannot be read, or a module not be parsed.
    """
    text = read(file)
    if file.suffix == ".rst":
        yield 0, text
        return
    for node in ast.walk(ast.parse(text, file)):
        if isinstance(node, DOCUMENTED) and ast.get_docstring(node):
            docstring = node.body[0].value
            yield docstring.lineno - 1, docstring.value


def examples(file: Path) -> list[tuple[int, doctest.Example]]:
    """The examples in an article or a module, each with its line.

    Raises
    ------
    SyntaxError
        If one is malformed.
    """
    found = []
    for before, text in texts(file):
        try:
            parts = PARSER.get_examples(text)
        except ValueError as error:
            line = before + int(re.search(r"line (\d+)", str(error))[1])
            cause = f"malformed doctest: {error}"
            raise SyntaxError(cause, (str(file), line, 1, "")) from error
        found += [(before + part.lineno + 1, part) for part in parts]
    return found


def imports(shown: list[doctest.Example], file: Path) -> set[str]:
    """What examples import; those that are not Python are left to pytest."""
    found = set()
    for example in shown:
        with contextlib.suppress(SyntaxError):
            found |= imported_names(example.source, (), file)
    return found


def inputs(file: Path, root: Path, shown: list[doctest.Example]) -> Inputs:
    """What the result depends on."""
    files, packages = follow(imports(shown, file), root)
    settings = [(part.source, part.want, part.options) for part in shown]
    if file.suffix == ".py":
        more, others = closure(file, root)
        files, packages = files | more, packages | others
    return of_files(files, packages, root, MAKER, settings)


def work(site: Site) -> list[Work]:
    """One piece of work for each article and module that has examples."""
    root = Path(site.confdir)
    modules = [
        path
        for path in sorted(root.glob("snippets/*/*.py"))
        if not path.name.startswith("plot_")
    ]
    made = []
    for file in [*documents(site), *modules]:
        if shown := examples(file):
            line = shown[0][0]
            made.append(_one(site, file, line, [part for _, part in shown]))
    return made


def _one(site: Site, file: Path, line: int, shown: list[doctest.Example]) -> Work:
    root = Path(site.confdir)
    return Work(
        f"{file.relative_to(root)} (doctests)",
        file,
        inputs(file, root, shown),
        MAKER,
        (file, root, len(shown)),
        site.config.evidence_time_limit,
        line,
        site.config.evidence_memory_limit,
    )
