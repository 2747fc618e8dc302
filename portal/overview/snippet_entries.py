"""Public functions and classes of ``snippets/``.

The modules are parsed, never imported.
"""

import ast
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Entry:
    """A public function or class."""

    module: str  # positions.rope
    name: str
    signature: str
    summary: str

    @property
    def anchor(self) -> str:
        return f"{self.module}.{self.name}"

    @property
    def book(self) -> str:
        return self.module.partition(".")[0]


def signature(node: ast.FunctionDef | ast.ClassDef) -> str:
    """What one writes to call it, without its name.

    >>> signature(ast.parse('def f(x: int, *, y=1) -> str: ...').body[0])
    '(x: int, *, y=1) -> str'
    >>> signature(ast.parse('class F(NamedTuple): x: int').body[0])
    '(x: int)'
    """
    if isinstance(node, ast.FunctionDef):
        returns = f" -> {ast.unparse(node.returns)}" if node.returns else ""
        return f"({ast.unparse(node.args)}){returns}"
    for part in node.body:
        if isinstance(part, ast.FunctionDef) and part.name == "__init__":
            del part.args.args[0]
            return f"({ast.unparse(part.args)})"
    fields = [part for part in node.body if isinstance(part, ast.AnnAssign)]
    return f"({', '.join(ast.unparse(field) for field in fields)})"


def tree(path: Path) -> ast.Module:
    """The syntax tree of a file.

    Raises
    ------
    SyntaxError
        With the file and the line.
    """
    return ast.parse(path.read_text("utf-8"), str(path))


def entries(module: str, tree: ast.Module) -> list[Entry]:
    """The public functions and classes of a module, in its order.

    >>> entries("a.b", ast.parse("def f():\\n    'Adds.'\\ndef _g(): ..."))
    [Entry(module='a.b', name='f', signature='()', summary='Adds.')]
    """
    found = []
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            summary = (ast.get_docstring(node) or "").partition("\n\n")[0]
            made = Entry(module, node.name, signature(node), " ".join(summary.split()))
            found += [made] * (not node.name.startswith("_"))
    return found


def modules(root: Path) -> dict[str, Path]:
    """Files of all modules that are neither scripts nor packages, by dotted name."""
    return {
        f"{path.parent.name}.{path.stem}": path
        for path in sorted((root / "snippets").glob("*/*.py"))
        if not path.stem.startswith(("plot_", "__"))
    }
