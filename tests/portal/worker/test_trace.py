"""Traces of sample calls: what lines bind, and what contradicts the source."""

import ast
import sys
import textwrap

import pytest
import torch

from portal.worker.trace import annotations
from portal.worker.trace.arrays import Array
from portal.worker.trace.run import trace

HEADER = """\
from collections.abc import Iterator
from contextlib import nullcontext
import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
"""


@pytest.fixture
def shapes(tmp_path):
    """Traces a call of a definition; returns what each line of its text bound."""

    def shapes(text, call, name="f", equal=()):
        file = tmp_path / "sample.py"
        file.write_text(HEADER + textwrap.dedent(text).lstrip("\n"))
        found = trace(file, "sample", name, call, list(equal))
        skipped = HEADER.count("\n")
        return {
            int(line) - skipped: [
                (name, *dict.fromkeys(value["shape"] for value in values))
                for name, values in names.items()
            ]
            for line, names in found.items()
        }

    return shapes


def test_assignments_arguments_and_result(shapes):
    text = """
    def f(x, n):
        rows, (first, *rest) = x.T, x
        size = x.shape
        rows += 1
        y: object = rows[0]
        z: object
        return y, n
    """
    assert shapes(text, "f(torch.ones(3, 2), 4)") == {
        1: [("x", "(3, 2)")],
        2: [("rows", "(2, 3)"), ("first", "(2,)"), ("rest", "2 of (2,)")],
        4: [("rows", "(2, 3)")],
        5: [("y", "(3,)")],
        7: [("return", "((3,), int)")],
    }


def test_arrays_of_numpy_and_no_scalars_but_tensors_of_no_axes(shapes):
    text = """
    def f(x):
        a = np.float64(3)
        b = x.sum()
        c = x.mean(axis=0)
        return torch.tensor(1.0)
    """
    assert shapes(text, "f(np.ones((2, 3)))") == {
        1: [("x", "(2, 3)")],
        4: [("c", "(3,)")],
        5: [("return", "()")],
    }


def test_a_loop_shows_first_and_last(shapes):
    text = """
    def f(x):
        for n, row in enumerate(x):
            part = x[: n + 1]
            same = row * 2
    """
    found = shapes(text, "f(torch.ones(4, 2))")
    assert found[2] == [("row", "(2,)")]
    assert found[3] == [("part", "(1, 2)", "(4, 2)")]
    assert found[4] == [("same", "(2,)")]


def test_only_the_branch_that_ran(shapes):
    text = """
    def f(x):
        if x.dim() == 1:
            y = x[None]
        else:
            y = x
        if x.dim() == 1:
            return y
        return y.T
    """
    assert shapes(text, "f(torch.ones(3))") == {
        1: [("x", "(3,)")],
        3: [("y", "(1, 3)")],
        7: [("return", "(1, 3)")],
    }


def test_recursion_shows_first_and_last(shapes):
    text = """
    def f(x):
        return x if len(x) == 1 else f(x[1:])
    """
    found = shapes(text, "f(torch.ones(4, 2))")
    assert found == {1: [("x", "(4, 2)", "(1, 2)")], 2: [("return", "(1, 2)")]}


def test_inner_functions_lambdas_and_comprehensions_are_followed(shapes):
    text = """
    def f(x):
        def inner(y):
            return y.T

        double = lambda z: z.sum(0)
        parts = [double(row[None]) for row in x]
        return inner(torch.stack(parts))
    """
    assert shapes(text, "f(torch.ones(3, 2))") == {
        1: [("x", "(3, 2)")],
        2: [("y", "(3, 2)")],
        3: [("return", "(2, 3)")],
        5: [("z", "(1, 2)"), ("lambda", "(2,)")],
        6: [("row", "(2,)"), ("parts", "3 of (2,)")],
        7: [("return", "(2, 3)")],
    }


def test_a_comprehension_binds_what_its_condition_leaves_out(shapes):
    found = shapes(
        "def f(x):\n    [y for y in x if y.ndim > 1]\n",
        "f([np.ones((3, 2)), np.ones(2)])",
    )
    assert found[2] == [("y", "(3, 2)", "(2,)")]


def test_generator(shapes):
    text = """
    def f(x) -> Iterator[Float[Tensor, "rows 2"]]:
        for n in range(1, 4):
            yield x[:n]
    """
    found = shapes(text, "list(f(torch.ones(5, 2)))")
    assert found[3] == [("yield", "(1, 2)", "(3, 2)")]


def test_module_of_torch(shapes):
    text = """
    class Layer(torch.nn.Module):
        def __init__(self, width):
            super().__init__()
            self.__scale = self.weight = torch.nn.Parameter(torch.ones(width, 2))

        def forward(self, x):
            return self.project(x).relu()

        def project(self, x):
            with torch.no_grad():
                return x @ self.weight
    """
    assert shapes(text, "Layer(3)(torch.ones(5, 3))", "Layer") == {
        4: [("self.__scale", "(3, 2)"), ("self.weight", "(3, 2)")],
        6: [("x", "(5, 3)")],
        7: [("return", "(5, 2)")],
        9: [("x", "(5, 3)")],
        11: [("return", "(5, 2)")],
    }


def test_walrus_with_and_exception(shapes):
    text = """
    def f(x):
        try:
            if (y := x[0]).dim() > 0:
                raise ValueError
        except ValueError:
            y = x[:, 0]
        return y.T.T if False else None
    """
    found = shapes(text, "f(torch.ones(3, 2))")
    assert found == {1: [("x", "(3, 2)")], 3: [("y", "(2,)")], 6: [("y", "(3,)")]}


def test_other_functions_of_the_module_are_not_followed(shapes):
    text = """
    def f(x):
        return other(x)

    def other(x):
        y = x + 1
        return y
    """
    assert list(shapes(text, "f(torch.ones(3))")) == [1, 2]


def test_a_statement_of_several_lines_shows_where_its_name_stands(shapes):
    text = """
    def f(x):
        y = torch.cat(
            [x, x],
            dim=1,
        )
        return (
            y
        )
    """
    assert list(shapes(text, "f(torch.ones(3, 2))")) == [1, 2, 6]


def test_dtype_and_bytes_are_kept(tmp_path):
    file = tmp_path / "sample.py"
    file.write_text("def f(x):\n    return x.to_sparse() if x.dim() == 2 else x\n")
    values = trace(file, "sample", "f", "f(torch.ones(2, 3).double())", [])
    assert values["1"]["x"][0]["dtype"] == "float64"
    assert values["1"]["x"][0]["bytes"] == 48
    assert values["2"]["return"][0] == {
        "shape": "(2, 3)",
        "dtype": "float64",
        "bytes": None,
    }


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ("f(torch.ones(2)", "raises SyntaxError"),
        ("g(torch.ones(2))", "^the sample call raises NameError"),
        ("f(torch.ones(3))", r"sample\.py:9: the sample call raises ValueError: three"),
        ("torch.ones(2)", "runs no line of f"),
        ("f([1])", "no line of f binds a tensor or an array"),
    ],
)
def test_wrong_calls(shapes, call, message):
    text = """
    def f(x):
        if len(x) == 3:
            raise ValueError("three")
    """
    with pytest.raises(ValueError, match=message):
        shapes(text, call)


def test_generator_that_nobody_consumes(shapes):
    with pytest.raises(ValueError, match=r"consumed, as by list"):
        shapes("def f(x):\n    yield x\n", "f(torch.ones(2))")


def test_unknown_definition(shapes):
    with pytest.raises(LookupError, match="does not define g; choose from f"):
        shapes("def f(x):\n    return x\n", "f(torch.ones(2))", "g")


SIGNED = """
def f(
    x: Float[Tensor, "batch seq"],
    w: Float[Tensor, "seq out"],
) -> Float[Tensor, "batch out"]:
    {line}
    return x @ w
"""
CALL = "f(torch.ones(2, 3), torch.ones(3, 5))"


@pytest.mark.parametrize(
    "line",
    [
        "y = x.T  # (seq, batch)",
        "y = x.T  # (seq, _)",
        "y = x.T  # (3, batch)",
        "y = x.T  # (seq, ...) so that rows are positions",
        "y = x[None]  # (1, *both)",
        "y = x.repeat(1, 2)  # (batch, 2 * seq)",
        "y = x.sum()  # ()",
        "y = x[0]  # (seq,)",
        "# (seq, batch)\n    y = x.T",
        "a, b = x, w  # (batch, seq), (seq, out)",
        "y = x.T  # (transposed)",
        "y = torch.cat([\n        x,  # (rows, cols)\n        x,\n    ])",
        "for n in range(1, 3):\n        y = x[:n]  # (rows, seq)",
        "y = [row for row in x]  # (seq,)",
        "for row in x:\n        y = x  # (batch, seq)",
        "with nullcontext(x[0]) as row:\n        y = x  # (batch, seq)",
        "n = len(x)  # (batch, seq)",
    ],
)
def test_comments_that_hold(shapes, line):
    assert shapes(SIGNED.format(line=line), CALL)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("y = x.T  # (seq,)", r"py:11: y is \(3, 2\), with 2 axes, not 1"),
        ("y = x.T  # (batch, seq)", "y is .*, but batch is 2 by line 8"),
        ("y = x.T  # (4, batch)", "y is .*, but 4 is expected in place of 3"),
        ("y = x.T  # (n, n)", "but n is 3 by line 11"),
        ("y = x  # (a, b)\n    z = x.T  # (a, b)", r"py:12: z .* a is 2 by line 11"),
        ("y = torch.stack(\n        [x, x]\n    )  # (batch, seq)", r"py:13: y is"),
        ("# (batch, seq)\n    y = x.T", r"py:11: y is \(3, 2\), but"),
        ("a, b = x, w  # (batch, seq)", "b is .*, but batch is 2"),
        ("a, b = x, w  # (batch,), (seq,), (out,)", "3 shapes in the comment, 2 arr"),
        ("a = [x, w]  # (batch, seq)", "a is .*, but batch is 2"),
        ("y = x[None]  # (batch, *rest, 1)", "batch is 2 by line 8"),
        ("y = x  # (batch, seq, ..., out)", "with 2 axes, not 4"),
        ("return x.T @ x  # (batch, out)", "return is .*, but batch is 2"),
        ("for row in x:  # (batch,)\n        pass", "row is .*, but batch is 2"),
        ("g = lambda: [z for z in x]\n    z = g()  # (batch,)", r"z is \(3,\)"),
        (
            "def g(y):\n        z = y.T  # (batch, seq)\n    g(x)",
            r"py:12: z is \(3, 2\), but batch is 2 by line 8",
        ),
    ],
)
def test_comments_that_contradict(shapes, line, message):
    with pytest.raises(ValueError, match=message):
        shapes(SIGNED.format(line=line), CALL)


def test_every_contradiction_is_told(shapes):
    lines = "y = x.T  # (batch,)\n    z = x.T  # (seq,)"
    with pytest.raises(ValueError, match=r"(?s)py:11: y is .*py:12: z is "):
        shapes(SIGNED.format(line=lines), CALL)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ("f(torch.ones(2, 3, 1), torch.ones(3, 5))", r"py:8: x is \(2, 3, 1\), with 3"),
        ("f(torch.ones(2, 3), torch.ones(4, 5))", r"py:9: w is .*seq is 3 by line 8"),
    ],
)
def test_arguments_that_contradict_the_signature(shapes, call, message):
    text = SIGNED.format(line="return x[:, 0, None] * w[0]")
    with pytest.raises(ValueError, match=message):
        shapes(text, call)


@pytest.mark.parametrize(
    ("annotation", "value"),
    [
        ('Float[Tensor, "batch 2"]', "x.T"),
        ('Float[Tensor, "..."] | Float[Tensor, ""] | None', "x"),
        ('Float[Tensor, "seq batch"] | None', "x"),
        ('tuple[Float[Tensor, "batch seq"], Float[Tensor, "batch"]]', "(x, x[0])"),
        ('list[Float[Tensor, "batch"]]', "[x[0]]"),
        ('tuple[Float[Tensor, "batch"], ...]', "(x[:, 0], x[0])"),
    ],
)
def test_results_and_their_annotations(shapes, annotation, value):
    text = 'def f(x: Float[Tensor, "batch seq"]) -> {}:\n    return {}\n'
    if "|" in annotation and "seq batch" not in annotation:
        assert shapes(text.format(annotation, value), "f(torch.ones(2, 3))")
        return
    with pytest.raises(ValueError, match=r"py:8: return is "):
        shapes(text.format(annotation, value), "f(torch.ones(2, 3))")


def test_yields_are_held_against_the_items_of_the_annotation(shapes):
    text = """
    def f(x: Float[Tensor, "batch seq"]) -> Iterator[Float[Tensor, "batch"]]:
        yield x[0]
    """
    with pytest.raises(ValueError, match=r"yield is \(3,\), but batch is 2"):
        shapes(text, "list(f(torch.ones(2, 3)))")


def test_axes_of_each_call_are_its_own(shapes):
    text = """
    def f(x: Float[Tensor, "rows cols"]) -> Float[Tensor, "cols rows"]:
        y = f(x[1:, 1:]) if len(x) > 1 else x
        return x.T  # (cols, rows)
    """
    assert shapes(text, "f(torch.ones(3, 4))")


def test_a_named_group_of_axes_and_broadcasting(shapes):
    text = """
    def f(
        x: Float[Tensor, "*lead width=3"], y: Float[Tensor, "*lead #n"]
    ) -> Float[Tensor, "{}"]:
        return x[..., 0]
    """
    call = "f(torch.ones(2, 5, 3), torch.ones(2, 5, 1))"
    assert shapes(text.format("*lead"), call)
    with pytest.raises(ValueError, match=r"return .* lead is \(2, 5\) by line 8"):
        shapes(text.format("_ *lead"), call)


EQUAL = "f(torch.ones(2, 3), torch.ones(3, 2))"


def test_axes_of_the_same_size_could_be_confused(shapes):
    text = SIGNED.format(line="pass")
    message = "py:7: batch and out are both 2 in the sample call.*`:equal: batch out`"
    with pytest.raises(ValueError, match=message):
        shapes(text, EQUAL)
    assert shapes(text, EQUAL, equal=[{"out", "batch"}])
    with pytest.raises(ValueError, match=":equal:` names batch and seq, whose"):
        shapes(text, EQUAL, equal=[{"out", "batch"}, {"batch", "seq"}])


def test_axes_that_differ_in_some_call_cannot_be_confused(shapes):
    text = """
    def f(x):
        def g(y: Float[Tensor, "rows cols"]):
            return y

        return [g(x[:n]) for n in range(1, 4)]
    """
    assert shapes(text, "f(torch.ones(4, 2))")


def test_the_woven_code_computes_what_the_code_does(tmp_path):
    """Closures, generators, nonlocal names and private ones, with and without."""
    text = textwrap.dedent("""
    class C:
        '''Documented.'''
        def __init__(self, x):
            '''Also.'''
            self.__x, self.n = x, 0
        def run(self):
            def step(k=2, *more, flag=True):
                nonlocal total
                total += k
                got = yield total
                return got, more, flag
            total = 0
            gen = step()
            out = [next(gen)]
            try:
                gen.send(5)
            except StopIteration as end:
                out.append(end.value)
            table = {k: v for k, v in zip("ab", self.__x) if (w := v) > 1}
            keys = sorted(table, key=lambda name, /, *, up=1: -ord(name) * up)
            *head, last = self.__x
            self.n += len(head)
            return out, table, keys, last, w, self.n, C.__init__.__doc__, C.__doc__
    kept = []
    """)
    file = tmp_path / "sample.py"
    file.write_text(text)
    plain = {}
    exec(compile(text, "plain", "exec"), plain)
    call = "kept.append(C(torch.arange(4)).run())"
    trace(file, "sample", "C", call, [])
    expected = plain["C"](torch.arange(4)).run()
    assert sys.modules["sample"].kept == [expected]


def test_shapes_in_comments():
    assert annotations.shapes("# (batch, 2 * heads): why") == (("batch", "2 * heads"),)
    for remark in ("# (see above)", "# (sic)", "# why (a, b)", "# f(a, b)", "# (a; b)"):
        assert annotations.shapes(remark) == ()


def test_axes_of_an_annotation():
    def axes(text):
        return annotations.axes(ast.parse(text, mode="eval").body)

    assert axes('Float[Tensor, "a *b 3"]') == ["a", "*b", "3"]
    assert axes('Float[Tensor, ""]') == []
    assert axes("list[int]") is axes("Tensor") is None


def test_several_axes_take_what_the_others_leave():
    sizes = {}
    array = Array((2, 3, 4, 5), "float32", 480)
    assert annotations.mismatch(["a", "*b", "c"], array, sizes, 1) == ""
    assert sizes == {"a": (2, 1), "b": ((3, 4), 1), "c": (5, 1)}
