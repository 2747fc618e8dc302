"""Tensor operations: which number is where, computed from shape, strides and offset.

Harris et al. (2020), https://doi.org/10.1038/s41586-020-2649-2

A tensor is a storage, one row of numbers, and a layout, which says where in the storage
the element of an index lies. Views change the layout and leave the storage alone. Terms
of NumPy and PyTorch, and our names::

    shape, size()           -> ``Layout.shape``
    strides, stride()       -> ``Layout.strides``, in elements; NumPy's are in bytes
    storage_offset()        -> ``Layout.offset``
    x[..., a:b:c, ...]      -> ``slice_axis``
    the rest                -> PyTorch's names
"""

import math
from dataclasses import dataclass, replace
from itertools import product, zip_longest

import torch
from jaxtyping import Float, Int
from torch import Tensor


@dataclass(frozen=True)
class Layout:
    """Size of each axis, its step in the storage, and where the tensor starts."""

    shape: tuple[int, ...]
    strides: tuple[int, ...]
    offset: int = 0


def address(layout: Layout, index: tuple[int, ...]) -> int:
    """Place in the storage of the element at ``index``."""
    steps = zip(index, layout.strides, strict=True)
    return layout.offset + sum(i * stride for i, stride in steps)


def elements(storage: list, layout: Layout) -> list:
    """All elements in reading order, the last axis fastest."""
    every_index = product(*map(range, layout.shape))
    return [storage[address(layout, index)] for index in every_index]


def contiguous(shape: tuple[int, ...]) -> Layout:
    """The layout of a new tensor: reading it goes through the storage in order.

    Examples
    --------
    >>> contiguous((2, 3, 4)).strides
    (12, 4, 1)
    """
    return Layout(shape, tuple(math.prod(shape[k + 1 :]) for k in range(len(shape))))


def is_contiguous(layout: Layout) -> bool:
    """Is the reading order, last axis fastest, the order of the storage?"""
    if 0 in layout.shape:
        return True
    expected = contiguous(layout.shape).strides
    sizes = zip(layout.shape, layout.strides, expected, strict=True)
    return all(size == 1 or stride == wanted for size, stride, wanted in sizes)


def permute(layout: Layout, order: tuple[int, ...]) -> Layout:
    """Axes in another order; each takes its stride along.

    Raises
    ------
    ValueError
        If ``order`` does not name every axis once.
    """
    if sorted(order) != list(range(len(layout.shape))):
        raise ValueError(f"{order} is no order of {len(layout.shape)} axes")
    shape = tuple(layout.shape[axis] for axis in order)
    strides = tuple(layout.strides[axis] for axis in order)
    return replace(layout, shape=shape, strides=strides)


def slice_axis(
    layout: Layout, axis: int, start: int, stop: int, step: int = 1
) -> Layout:
    """The slice ``start:stop:step`` of one axis: another start, a longer stride."""
    shape, strides = list(layout.shape), list(layout.strides)
    taken = range(shape[axis])[start:stop:step]
    offset = layout.offset + taken.start * strides[axis]
    shape[axis], strides[axis] = len(taken), step * strides[axis]
    return Layout(tuple(shape), tuple(strides), offset)


def view(layout: Layout, shape: tuple[int, ...]) -> Layout:
    """The same elements in the same order under other sizes.

    Raises
    ------
    ValueError
        If the number of elements differs, or no strides lead from one to the next.

    Examples
    --------
    >>> view(contiguous((3, 4)), (3, 2, 2)).strides
    (4, 2, 1)
    """
    if math.prod(shape) != math.prod(layout.shape):
        raise ValueError(
            f"{layout.shape} and {shape} have different numbers of elements"
        )
    if 0 in shape:
        return contiguous(shape)
    strides, left = [], runs(layout)
    for size in reversed(shape):
        length, stride = left.pop() if left else (1, 1)
        if length % size:
            raise ValueError(f"no strides make {shape} of {layout}: copy it first")
        strides.append(stride)
        if length > size:
            left.append((length // size, size * stride))
    return replace(layout, shape=shape, strides=tuple(reversed(strides)))


def runs(layout: Layout) -> list[tuple[int, int]]:
    """Length and stride of each group of neighboring axes that merge into one."""
    joined: list[tuple[int, int]] = []
    for size, stride in zip(layout.shape, layout.strides, strict=True):
        if size == 1:
            continue
        if joined and joined[-1][1] == size * stride:
            size *= joined.pop()[0]
        joined.append((size, stride))
    return joined


def reshape(
    storage: list, layout: Layout, shape: tuple[int, ...]
) -> tuple[list, Layout]:
    """A view where one exists, else the view of a copy."""
    try:
        return storage, view(layout, shape)
    except ValueError:
        copy = elements(storage, layout)
        return copy, view(contiguous(layout.shape), shape)


def broadcast(*shapes: tuple[int, ...]) -> tuple[int, ...]:
    """The common shape of tensors of these shapes, aligned at their last axes.

    Raises
    ------
    ValueError
        If sizes above one differ on an axis.

    Examples
    --------
    >>> broadcast((1000,), (1000, 1))
    (1000, 1000)
    """
    sizes = []
    for axis in zip_longest(*map(reversed, shapes), fillvalue=1):
        distinct = set(axis) - {1} or {1}
        if len(distinct) > 1:
            raise ValueError(f"sizes {axis} do not meet in {shapes}")
        sizes.extend(distinct)
    return tuple(reversed(sizes))


def expand(layout: Layout, shape: tuple[int, ...]) -> Layout:
    """Axes of size one made larger without a copy: their stride becomes zero."""
    if broadcast(layout.shape, shape) != shape:
        raise ValueError(f"{layout.shape} cannot become {shape}")
    new = len(shape) - len(layout.shape)
    old = zip(layout.shape, layout.strides, shape[new:], strict=True)
    kept = tuple(0 if size != wanted else stride for size, stride, wanted in old)
    return replace(layout, shape=shape, strides=(0,) * new + kept)


def einsum(equation: str, *tensors: Tensor) -> Tensor:
    """Products of elements whose labels agree, summed over labels not in the output.

    Raises
    ------
    ValueError
        If a label stands for axes of different sizes, or twice in the output.
    """
    inputs, output = equation.split("->")
    if len(set(output)) < len(output):
        raise ValueError(f"a label stands twice in the output of {equation}")
    names = inputs.split(",")
    sizes: dict[str, int] = {}
    for labels, tensor in zip(names, tensors, strict=True):
        for label, size in zip(labels, tensor.shape, strict=True):
            if sizes.setdefault(label, size) != size:
                raise ValueError(f"{label} is {sizes[label]} and {size} in {equation}")
    result = tensors[0].new_zeros([sizes[label] for label in output])
    for index in product(*map(range, sizes.values())):
        at = dict(zip(sizes, index, strict=True))
        pick = [
            tensor[tuple(at[label] for label in labels)]
            for labels, tensor in zip(names, tensors, strict=True)
        ]
        result[tuple(at[label] for label in output)] += math.prod(pick)
    return result


def softmax(scores: Float[Tensor, "*axes"], dim: int) -> Float[Tensor, "*axes"]:
    """Positive weights that sum to one along ``dim``; zeros where all is masked."""
    if not scores.numel():
        return scores
    largest = scores.amax(dim, keepdim=True)
    powers = (scores - largest.nan_to_num(neginf=0.0)).exp()
    total = powers.sum(dim, keepdim=True)
    return powers / total.masked_fill(total == 0, 1)


def gather(
    x: Float[Tensor, "rows columns"], index: Int[Tensor, "rows picks"]
) -> Float[Tensor, "rows picks"]:
    """Of each row, the columns that the same row of ``index`` names.

    Raises
    ------
    ValueError
        If an index is negative, which would count from the end.
    """
    if (index < 0).any():
        raise ValueError("negative index")
    return torch.stack([row[columns] for row, columns in zip(x, index, strict=True)])


def scatter_add(
    values: Float[Tensor, "rows picks"], index: Int[Tensor, "rows picks"], columns: int
) -> Float[Tensor, "rows {columns}"]:
    """The gradient of ``gather``: each value is added to the column it came from."""
    result = values.new_zeros(len(values), columns)
    for row in range(len(values)):
        for value, column in zip(values[row], index[row], strict=True):
            result[row, column] += value
    return result
