"""Shape, dtype and bytes of a value: tensors, arrays, and tuples and lists of them."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Array:
    """What is kept of a tensor or an array."""

    shape: tuple[int, ...]
    dtype: str
    bytes: int | None  # None for a sparse tensor, whose elements are not all stored

    def __str__(self) -> str:
        return str(self.shape)


@dataclass(frozen=True)
class Other:
    """A value that is no array, by the name of its type."""

    type: str

    def __str__(self) -> str:
        return self.type


@dataclass(frozen=True)
class Group:
    """A tuple or list; its text is short where all items look alike.

    >>> row = Array((2, 3), "float32", 24)
    >>> str(Group("()", (row, row))), str(Group("[]", (row, Other("int"))))
    ('2 of (2, 3)', '[(2, 3), int]')
    """

    brackets: str
    items: tuple["Value", ...]

    def __str__(self) -> str:
        texts = [str(item) for item in self.items]
        if len(texts) > 1 and len(set(texts)) == 1:
            return f"{len(texts)} of {texts[0]}"
        shown = texts if len(texts) <= 4 else [*texts[:3], "…"]
        return self.brackets[0] + ", ".join(shown) + self.brackets[1]


Value = Array | Group | Other


def describe(value: Any) -> Value:
    """What is kept of a value; numpy's scalars are no arrays, tensors always are.

    >>> describe(np.ones((2, 3))), describe(np.float64(1))
    (Array(shape=(2, 3), dtype='float64', bytes=48), Other(type='float64'))
    """
    shape = getattr(value, "shape", None)
    is_array = isinstance(shape, tuple) and hasattr(value, "dtype")
    if is_array and not isinstance(value, np.generic):
        dtype = str(value.dtype).removeprefix("torch.")
        is_sparse = getattr(value, "is_sparse", False)
        return Array(tuple(shape), dtype, None if is_sparse else value.nbytes)
    if isinstance(value, tuple | list):
        items = tuple(describe(item) for item in value)
        return Group("()" if isinstance(value, tuple) else "[]", items)
    return Other(type(value).__name__)


def arrays(value: Value) -> Iterator[Array]:
    """The arrays in a value, from left to right."""
    if isinstance(value, Array):
        yield value
    elif isinstance(value, Group):
        for item in value.items:
            yield from arrays(item)


def summary(value: Value) -> dict:
    """A value in short: its text, dtypes, and the bytes of its elements.

    >>> summary(Array((2, 3), "float32", 24))
    {'shape': '(2, 3)', 'dtype': 'float32', 'bytes': 24}
    """
    found = list(arrays(value))
    sizes = [array.bytes for array in found]
    return {
        "shape": str(value),
        "dtype": ", ".join(dict.fromkeys(array.dtype for array in found)),
        "bytes": None if None in sizes else sum(sizes),
    }
