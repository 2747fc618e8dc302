"""``.. snippet:: book.page.name`` shows a reference implementation.

The name is looked up under ``snippets/``: the code on the page is the code that the
tests import. The page becomes the place that ``:func:`` references and the links of the
gallery lead to. A name that does not exist stops the build. With ``:shapes:`` each line
shows what it bound in a sample call: see ``portal/article/shapes.py``. A link below the
listing downloads the module. Where several pages show one function, references lead to
the one without ``:no-index:``.
"""

import ast
from pathlib import Path
from typing import ClassVar

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from portal.article import shapes
from portal.article.download import link
from portal.evidence.traces import Request
from portal.text.hint import hint


def definition(text: str, name: str) -> ast.stmt:
    """The top-level function, class or constant ``name`` of a module.

    Raises
    ------
    LookupError
        If there is none; the message names those that are like it.
    """
    found = {}
    for node in ast.parse(text).body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            found[node.targets[0].id] = node
        elif hasattr(node, "name"):
            found[node.name] = node
    if name not in found:
        raise LookupError(f"the module does not define {name}; {hint(name, found)}")
    return found[name]


def numbered(text: str, name: str, docstring: bool = False) -> list[tuple[int, str]]:
    """Numbers and lines of ``name``, without docstrings unless asked for."""
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
    return [(n, lines[n - 1]) for n in shown if _is_shown(n, hidden, lines)]


def _is_shown(number: int, hidden: set[int], lines: list[str]) -> bool:
    """False for a blank line after a docstring that is left out."""
    return bool(lines[number - 1].strip()) or number - 1 not in hidden


def is_method(file: Path) -> bool:
    """Whether a file below ``snippets/`` is a module that a page may show."""
    return not file.name.startswith(("_", "plot_"))


def read(path: Path, root: Path) -> str:
    """The text of a module below ``root``.

    Raises
    ------
    LookupError
        If there is no such module; the message names those that are like it.
    """
    if not path.is_file():
        modules = [file for file in root.glob("*/*.py") if is_method(file)]
        wrong, *known = (
            ".".join(file.relative_to(root).with_suffix("").parts)
            for file in [path, *modules]
        )
        raise LookupError(f"there is no module {wrong}; {hint(wrong, known)}")
    return path.read_text("utf-8")


class Snippet(SphinxDirective):
    required_arguments = 1
    option_spec: ClassVar = {
        "docstring": directives.flag,
        "shapes": directives.unchanged_required,
        "show": directives.unchanged_required,
        "equal": directives.unchanged_required,
        "no-index": directives.flag,
    }

    def run(self) -> list[nodes.Node]:
        module, _, name = self.arguments[0].rpartition(".")
        root = Path(self.env.srcdir).parent / "snippets"
        path = root.joinpath(*module.split(".")).with_suffix(".py")
        self.env.note_dependency(path)
        try:
            text = read(path, root)
            block = self._block(numbered(text, name, "docstring" in self.options))
        except (OSError, SyntaxError, LookupError, ValueError) as problem:
            raise self.error(f"no snippet {self.arguments[0]}: {problem}") from problem

        block["classes"].append("snippet")
        self.set_source_info(block)
        if "no-index" not in self.options:
            self._note(block, definition(text, name))
        return [block, self._file(str(path.relative_to(root.parent)))]

    def _note(self, block: nodes.literal_block, shown: ast.stmt) -> None:
        """Make the listing the place that references lead to."""
        dotted = f"snippets.{self.arguments[0]}"
        kind = "class" if isinstance(shown, ast.ClassDef) else "function"
        block["ids"].append(dotted)
        self.env.domains.python_domain.note_object(dotted, kind, dotted, location=block)

    def _file(self, place: str) -> nodes.Node:
        """The line below the listing that offers the whole module."""
        shown = link(self.env, Path(place).name, place)
        line = nodes.paragraph("", "", shown, classes=["snippet-file"])
        self.set_source_info(line)
        return line

    def _block(self, lines: list[tuple[int, str]]) -> nodes.literal_block:
        """The listing, with shapes if there is a sample call."""
        if "shapes" in self.options:
            request = Request.of(self.arguments[0], self.options)
            return shapes.block(self.env, request, self.options.get("show", ""), lines)
        if self.options.keys() & {"show", "equal"}:
            raise ValueError(":show: and :equal: need :shapes:")
        code = "\n".join(line for _, line in lines)
        return nodes.literal_block(code, code, language="python")


def setup(app: Sphinx) -> None:
    app.add_directive("snippet", Snippet)
