"""``.. snippet:: book.page.name`` shows a reference implementation.

The name is looked up under ``snippets/``: the code on the page is the code that the
tests import. The page becomes the place that ``:func:`` references and the links of the
gallery lead to. A name that does not exist stops the build.
"""

import ast
from pathlib import Path
from typing import ClassVar

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective


def definition(text: str, name: str) -> ast.stmt:
    """The top-level function, class or constant ``name`` of a module.

    Raises
    ------
    LookupError
        If there is none; the message names those that there are.
    """
    found = {}
    for node in ast.parse(text).body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            found[node.targets[0].id] = node
        elif hasattr(node, "name"):
            found[node.name] = node
    if name not in found:
        raise LookupError(f"{name} is not defined there, but {', '.join(found)}")
    return found[name]


def source(text: str, name: str, docstring: bool = False) -> str:
    """The source of ``name``, without docstrings unless asked for."""
    node = definition(text, name)
    start = min(part.lineno for part in [node, *getattr(node, "decorator_list", [])])
    hidden = set()
    if not docstring:
        for part in ast.walk(node):
            if isinstance(part, ast.FunctionDef | ast.ClassDef) and ast.get_docstring(
                part
            ):
                opening = part.body[0]
                hidden |= set(range(opening.lineno, opening.end_lineno + 1))
    lines = text.splitlines()
    shown = [n for n in range(start, node.end_lineno + 1) if n not in hidden]
    return "\n".join(_without_leading_blanks(shown, hidden, lines))


def _without_leading_blanks(
    shown: list[int], hidden: set[int], lines: list[str]
) -> list[str]:
    """The lines shown, without a blank one where a docstring stood before it."""
    return [lines[n - 1] for n in shown if lines[n - 1].strip() or n - 1 not in hidden]


class Snippet(SphinxDirective):
    required_arguments = 1
    option_spec: ClassVar = {"docstring": directives.flag}

    def run(self) -> list[nodes.Node]:
        module, _, name = self.arguments[0].rpartition(".")
        root = Path(self.env.srcdir).parent / "snippets"
        path = root.joinpath(*module.split(".")).with_suffix(".py")
        self.env.note_dependency(path)
        try:
            text = path.read_text("utf-8")
            code = source(text, name, docstring="docstring" in self.options)
        except (OSError, SyntaxError, LookupError) as problem:
            raise self.error(f"no snippet {self.arguments[0]}: {problem}") from problem

        dotted = f"snippets.{self.arguments[0]}"
        kind = (
            "class" if isinstance(definition(text, name), ast.ClassDef) else "function"
        )
        block = nodes.literal_block(code, code, language="python", ids=[dotted])
        block["classes"].append("snippet")
        self.set_source_info(block)
        self.env.domains.python_domain.note_object(dotted, kind, dotted, location=block)
        return [block]


def setup(app: Sphinx) -> None:
    app.add_directive("snippet", Snippet)
