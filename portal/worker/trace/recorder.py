"""What woven code calls: keeps shapes by line, and checks the source against them."""

import ast
from collections import ChainMap
from collections.abc import Iterator
from itertools import combinations, groupby
from pathlib import Path
from typing import Any

from portal.worker.trace import annotations
from portal.worker.trace.arrays import Array, Value, arrays, describe, summary
from portal.worker.trace.instrument import Function, parameters

Bound = tuple[int, str, Any]  # line, name, value
Axes = ChainMap[str, Any]  # those known in a call, before those of the functions around


def signature(function: Function) -> list[ast.expr]:
    """The annotations of a function, the one of its result last."""
    found = [arg.annotation for arg in parameters(function)]
    return [annotation for annotation in [*found, function.returns] if annotation]


def item(annotation: ast.expr | None) -> ast.expr | None:
    """What an annotation promises of each item: of ``Iterator[T]`` it is ``T``."""
    if not isinstance(annotation, ast.Subscript):
        return None
    inner = annotation.slice
    return inner.elts[0] if isinstance(inner, ast.Tuple) else inner


class Recorder:
    """Of a line that runs again, the first and the last shapes are kept."""

    def __init__(self, file: Path, text: str, shown: ast.stmt) -> None:
        self.file = file
        self.functions = {
            node.lineno: node for node in ast.walk(shown) if isinstance(node, Function)
        }
        self.comments = annotations.comments(text)
        self.active = self.touched = False
        self.lines: dict[int, dict[str, list[Value]]] = {}
        self.calls: dict[int, list[dict]] = {}  # axes of each call, by function
        self.problems: dict[str, None] = {}  # in order, each once

    def enter(self, line: int, outer: Axes | None, *bound: Bound) -> Axes:
        """A function begins; returns the axes known in this call."""
        own: dict = {}
        axes: Axes = ChainMap(own, *(outer.maps if outer else ()))
        if not self.active:
            return axes
        self.touched = True
        for arg, (_, name, value) in zip(
            parameters(self.functions[line]), bound, strict=True
        ):
            self._hold(arg.annotation, (arg.lineno, name, value), own)
        self.calls.setdefault(line, []).append(own)
        for first, same in groupby(bound, key=lambda part: part[0]):
            self.bound((first, first), axes, *same)
        return axes

    def bound(self, span: tuple[int, int], axes: Axes | None, *bound: Bound) -> None:
        """A statement that spans these lines has bound names."""
        if not self.active:
            return
        self.touched = True
        found: list[tuple[str, Array]] = []
        for line, name, value in bound:
            seen = describe(value)
            inside = list(arrays(seen))
            found += [(name, array) for array in inside]
            if inside:
                first_last = self.lines.setdefault(line, {}).setdefault(name, [seen])
                first_last[1:] = [seen]
        if found:
            for comment in annotations.of_statement(self.comments, *span):
                self._compare(comment, found, ChainMap({}) if axes is None else axes)

    def passed(
        self,
        span: tuple[int, int],
        axes: Axes | None,
        function: int,
        line: int,
        label: str,
        value: Any,
    ) -> Any:
        """A value on its way; ``function`` is the one that returns or yields it."""
        self.bound(span, axes, (line, label, value))
        if self.active and function and axes is not None:
            promised, own = self.functions[function].returns, axes.maps[0]
            if label == "yield":  # the next item may have other sizes
                promised, own = item(promised), dict(own)
            self._hold(promised, (line, label, value), own)
        return value

    def _hold(self, annotation: ast.expr | None, bound: Bound, own: dict) -> None:
        """Hold a value against its annotation."""
        line, name, value = bound
        if annotation:
            for reason in annotations.contradictions(
                annotation, describe(value), own, line
            ):
                self._problem(line, f"{name} {reason}")

    def _compare(
        self, comment: annotations.Comment, found: list[tuple[str, Array]], axes: Axes
    ) -> None:
        """Hold what a statement bound against the comment on it."""
        own = axes.maps[0]  # a comment that runs again may find other sizes
        for axis in [
            axis for axis, (_, origin) in own.items() if origin == comment.line
        ]:
            del own[axis]
        shapes = comment.shapes * (len(found) if len(comment.shapes) == 1 else 1)
        if len(shapes) != len(found):
            reason = f"{len(shapes)} shapes in the comment, {len(found)} arrays bound"
            self._problem(comment.line, reason)
        for shape, (name, array) in zip(shapes, found, strict=False):
            reason = annotations.mismatch(list(shape), array, axes, comment.line)
            if reason:
                self._problem(comment.line, f"{name} {reason}")

    def _problem(self, line: int, reason: str) -> None:
        self.problems[f"{self.file}:{line}: {reason}"] = None

    def confusable(self) -> Iterator[tuple[int, tuple[str, str], int]]:
        """Axes of one signature with the same size in all its calls, and its line."""
        for line, calls in self.calls.items():
            names = sorted(annotations.names(signature(self.functions[line])))
            for pair in combinations(names, 2):
                sizes = [[call.get(name, ("",))[0] for name in pair] for call in calls]
                if all(first == second != "" for first, second in sizes):
                    yield line, pair, sizes[0][0]

    def distinguish(self, equal: list[set[str]]) -> None:
        """Note confusable axes as problems, unless ``equal`` allows them."""
        allowed = {pair for group in equal for pair in combinations(sorted(group), 2)}
        met = set()
        for line, pair, size in self.confusable():
            met.add(pair)
            if pair not in allowed:
                names = " and ".join(pair)
                reason = f"{names} are both {size} in the sample call: choose distinct"
                allow = f"sizes, or allow it with `:equal: {' '.join(pair)}`"
                self._problem(line, f"{reason} {allow}")
        for pair in sorted(allowed - met):
            line = min(self.calls, default=1)
            self._problem(
                line, f"`:equal:` names {' and '.join(pair)}, whose sizes differ"
            )

    def result(self) -> dict[str, dict[str, list[dict]]]:
        """First and last shape of each name, by line, for JSON."""
        return {
            str(line): {
                name: [summary(value) for value in values]
                for name, values in names.items()
            }
            for line, names in sorted(self.lines.items())
        }
