"""Weave calls of a recorder into a definition, to follow what its lines bind.

The syntax tree is changed, not the text: line numbers stay, and so does what the code
computes. After a statement that binds names stands ``__portal__.bound(...)`` with their
values; what a function returns, yields or names with ``:=`` passes through
``__portal__.passed(...)``; a function begins with ``__portal__.enter(...)``, whose
result, the axes known in that call, is a local variable that inner functions see too.
A trace function would learn which line comes next, not what the line before it bound.
"""

import ast
from collections.abc import Iterator

RECORDER = "__portal__"
NO_LINES = (0, 0)  # a comment on the line is not about this value

Function = ast.FunctionDef | ast.AsyncFunctionDef
Names = Iterator[tuple[int, str]]  # line and text of each


def parameters(function: Function | ast.Lambda) -> list[ast.arg]:
    args = function.args
    found = [*args.posonlyargs, *args.args, args.vararg, *args.kwonlyargs, args.kwarg]
    return [arg for arg in found if arg is not None]


def targets(*parts: ast.AST | None) -> Names:
    """Each name, and each attribute of a name, that is assigned to.

    >>> list(targets(*ast.parse("(a, *b), self.c, d[0] = x").body[0].targets))
    [(1, 'a'), (1, 'b'), (1, 'self.c')]
    """
    for part in parts:
        match part:
            case ast.Name() | ast.Attribute(value=ast.Name()):
                yield part.lineno, ast.unparse(part)
            case ast.Tuple() | ast.List():
                yield from targets(*part.elts)
            case ast.Starred():
                yield from targets(part.value)


def lines(node: ast.stmt | ast.expr) -> tuple[int, int]:
    return node.lineno, node.end_lineno or node.lineno


def call(at: ast.AST, text: str) -> ast.Call:
    """A call of the recorder, blamed on the place of another node."""
    made = ast.parse(f"{RECORDER}.{text}", mode="eval").body
    for part in ast.walk(made):
        ast.copy_location(part, at)
    return made


def statement(expression: ast.Call) -> ast.Expr:
    return ast.copy_location(ast.Expr(expression), expression)


class Weaver(ast.NodeTransformer):
    """Transforms one definition; use ``visit``."""

    def __init__(self) -> None:
        self.functions: list[Function] = []  # those around the current node

    @property
    def axes(self) -> str:
        """The variable that holds the axes of the current call."""
        depth = len(self.functions)
        return f"{RECORDER[:-2]}_axes_{depth}__" if depth else "None"

    def bound(self, at: ast.AST, span: tuple[int, int], names: Names) -> ast.Call:
        values = "".join(f", ({line}, {text!r}, {text})" for line, text in names)
        return call(at, f"bound({span}, {self.axes}{values})")

    def passed(
        self, at: ast.AST, span: tuple[int, int], label: str, value: ast.expr
    ) -> ast.Call:
        function = self.functions[-1].lineno if label in ("return", "yield") else 0
        start = f"{span}, {self.axes}, {function}, {at.lineno}"
        made = call(at, f"passed({start}, {label!r})")
        made.args.append(value)
        return made

    def visit_FunctionDef(self, node: Function) -> ast.AST:
        outer = self.axes
        self.functions.append(node)
        names = ((arg.lineno, arg.arg) for arg in parameters(node))
        values = "".join(f", ({line}, {name!r}, {name})" for line, name in names)
        enter = call(node, f"enter({node.lineno}, {outer}{values})")
        keep = ast.Assign([ast.Name(self.axes, ast.Store())], enter)
        node.body.insert(ast.get_docstring(node, clean=False) is not None, keep)
        ast.fix_missing_locations(ast.copy_location(keep, node))
        node.body = [new for old in node.body for new in self._woven(old, keep)]
        self.functions.pop()
        return node

    visit_AsyncFunctionDef = visit_FunctionDef

    def _woven(self, old: ast.stmt, keep: ast.stmt) -> list[ast.stmt]:
        new = old if old is keep else self.visit(old)
        return new if isinstance(new, list) else [new]

    def visit_Assign(self, node: ast.Assign) -> list[ast.stmt]:
        return self._then(node, *node.targets)

    def visit_AugAssign(self, node: ast.AugAssign) -> list[ast.stmt]:
        return self._then(node, node.target)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> list[ast.stmt]:
        return self._then(node, node.target) if node.value else [node]

    def _then(self, node: ast.stmt, *places: ast.expr) -> list[ast.stmt]:
        self.generic_visit(node)
        return [node, statement(self.bound(node, lines(node), targets(*places)))]

    def visit_For(self, node: ast.For) -> ast.stmt:
        self.generic_visit(node)
        header = node.lineno, node.iter.end_lineno
        bound = self.bound(node, header, targets(node.target))
        node.body.insert(0, statement(bound))
        return node

    def visit_With(self, node: ast.With) -> ast.stmt:
        self.generic_visit(node)
        header = node.lineno, node.items[-1].context_expr.end_lineno
        names = targets(*(item.optional_vars for item in node.items))
        node.body.insert(0, statement(self.bound(node, header, names)))
        return node

    def visit_Return(self, node: ast.Return) -> ast.stmt:
        self.generic_visit(node)
        if node.value:
            node.value = self.passed(node, lines(node), "return", node.value)
        return node

    def visit_Yield(self, node: ast.Yield) -> ast.expr:
        self.generic_visit(node)
        if node.value:
            node.value = self.passed(node, lines(node), "yield", node.value)
        return node

    def visit_NamedExpr(self, node: ast.NamedExpr) -> ast.expr:
        self.generic_visit(node)
        return self.passed(node, NO_LINES, node.target.id, node)

    def visit_Lambda(self, node: ast.Lambda) -> ast.expr:
        self.generic_visit(node)
        names = ((arg.lineno, arg.arg) for arg in parameters(node))
        first = self.bound(node, NO_LINES, names)  # returns None
        value = self.passed(node.body, NO_LINES, "lambda", node.body)
        node.body = ast.copy_location(ast.BoolOp(ast.Or(), [first, value]), node.body)
        return node

    def visit_comprehension(self, node: ast.comprehension) -> ast.comprehension:
        self.generic_visit(node)
        bound = self.bound(node.target, NO_LINES, targets(node.target))
        seen = ast.UnaryOp(ast.Not(), bound)  # True, since a call returns None
        node.ifs.insert(0, ast.copy_location(seen, bound))
        return node
