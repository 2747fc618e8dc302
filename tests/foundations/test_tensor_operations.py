"""Layouts and definitions against PyTorch and NumPy, on drawn shapes."""

import math
from random import Random

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from snippets.foundations.tensor_operations import (
    Layout,
    address,
    broadcast,
    contiguous,
    einsum,
    elements,
    expand,
    gather,
    is_contiguous,
    permute,
    reshape,
    runs,
    scatter_add,
    slice_axis,
    softmax,
    view,
)


def drawn(seed: int) -> tuple[torch.Tensor, Layout]:
    """A tensor after a few random views, and the layout after the same ones."""
    random = Random(seed)
    shape = tuple(random.choices((1, 2, 3, 4, 6), k=random.randint(1, 4)))
    tensor, layout = torch.arange(math.prod(shape)).view(shape), contiguous(shape)
    for _ in range(random.randint(0, 3)):
        axes = range(tensor.dim())
        kind = random.choice(["permute", "slice", "expand"])
        if kind == "permute":
            order = tuple(random.sample(axes, k=len(axes)))
            tensor, layout = tensor.permute(order), permute(layout, order)
        elif kind == "slice":
            axis, start = random.choice(axes), random.randint(0, 2)
            stop, step = random.randint(start, 6), random.randint(1, 2)
            cut = (slice(None),) * axis + (slice(start, stop, step),)
            if len(range(tensor.shape[axis])[start:stop:step]):
                tensor, layout = (
                    tensor[cut],
                    slice_axis(layout, axis, start, stop, step),
                )
        elif tensor.dim() < 4:
            sizes = [
                size if size > 1 else random.choice((1, 3)) for size in tensor.shape
            ]
            tensor, layout = tensor.expand(2, *sizes), expand(layout, (2, *sizes))
    return tensor, layout


DRAWN = [drawn(seed) for seed in range(500)]


def values(tensor: torch.Tensor, layout: Layout) -> list[int]:
    """What the layout reads in the storage of the tensor."""
    storage = torch.arange(tensor.untyped_storage().nbytes() // tensor.itemsize)
    return elements(storage.tolist(), layout)


def test_drawn_layouts_read_what_torch_reads(agrees):
    ours = [number for pair in DRAWN for number in values(*pair)]
    theirs = [number for tensor, _ in DRAWN for number in tensor.flatten().tolist()]
    assert len(theirs) > 10_000
    agrees(ours, theirs, "torch.Tensor.flatten")


def test_strides_and_offsets_agree_with_torch(agrees):
    ours = [n for _, layout in DRAWN for n in (*layout.strides, layout.offset)]
    theirs = [
        n for tensor, _ in DRAWN for n in (*tensor.stride(), tensor.storage_offset())
    ]
    agrees(ours, theirs, "torch.Tensor.stride")


def test_contiguity_agrees_with_torch(agrees):
    ours = [is_contiguous(layout) for _, layout in DRAWN]
    theirs = [tensor.is_contiguous() for tensor, _ in DRAWN]
    assert 100 < sum(theirs) < 400
    agrees(ours, theirs, "torch.Tensor.is_contiguous")


def test_contiguity_and_strides_agree_with_numpy(agrees):
    ours, theirs = [], []
    for tensor, layout in DRAWN:
        array = tensor.numpy()
        ours += [*layout.strides, is_contiguous(layout)]
        theirs += [s // array.itemsize for s in array.strides]
        theirs += [array.flags.c_contiguous]
    agrees(ours, theirs, "numpy.ndarray.strides")


def factors(count: int, random: Random) -> tuple[int, ...]:
    """A shape of so many elements."""
    shape = []
    while count > 1 and len(shape) < 4:
        size = random.choice([n for n in range(2, count + 1) if count % n == 0])
        shape.append(size)
        count //= size
    return tuple(random.sample([*shape, count], k=len(shape) + 1))


def test_views_exist_where_torch_finds_one(agrees):
    ours, theirs = [], []
    for seed, (tensor, layout) in enumerate(DRAWN):
        shape = factors(tensor.numel(), Random(seed))
        try:
            theirs.append(list(tensor.view(shape).stride()))
        except RuntimeError:
            theirs.append(None)
        try:
            ours.append(list(view(layout, shape).strides))
            assert values(tensor, view(layout, shape)) == tensor.flatten().tolist()
        except ValueError:
            ours.append(None)
        if theirs[-1] and ours[-1]:  # along an axis of size one no step is ever made
            for axis, size in enumerate(shape):
                ours[-1][axis] *= size > 1
                theirs[-1][axis] *= size > 1
    refused = [strides is None for strides in theirs]
    assert 50 < sum(refused) < 450
    agrees([strides is None for strides in ours], refused, "torch.Tensor.view")
    flat = [[n for s in found if s for n in s] for found in (ours, theirs)]
    agrees(*flat, "torch.Tensor.view")


def test_reshape_copies_only_where_torch_does():
    for seed, (tensor, layout) in enumerate(DRAWN):
        shape = factors(tensor.numel(), Random(seed))
        storage = list(range(tensor.untyped_storage().nbytes() // tensor.itemsize))
        numbers, found = reshape(storage, layout, shape)
        theirs = tensor.reshape(shape)
        shared = (
            theirs.untyped_storage().data_ptr() == tensor.untyped_storage().data_ptr()
        )
        assert (numbers is storage) == shared
        assert elements(numbers, found) == theirs.flatten().tolist()


def test_writing_to_an_address_writes_to_the_view():
    tensor, layout = torch.zeros(3, 4), contiguous((3, 4))
    seen = permute(slice_axis(layout, 1, 1, 4, 2), (1, 0))
    tensor.view(-1)[address(seen, (1, 2))] = 7
    assert tensor[:, 1:4:2].T[1, 2] == 7


@pytest.mark.parametrize(
    "shapes",
    [((3, 1), (4,)), ((2, 3, 3), (3, 3)), ((5,), (5, 1)), ((), (2,)), ((1, 1), (6, 1))],
)
def test_broadcast_agrees_with_numpy_and_torch(agrees, shapes):
    agrees(broadcast(*shapes), np.broadcast_shapes(*shapes), "numpy.broadcast_shapes")
    theirs = torch.broadcast_shapes(*shapes)
    agrees(broadcast(*shapes), theirs, "torch.broadcast_shapes")


@pytest.mark.parametrize("shapes", [((3,), (4,)), ((2, 3), (3, 2)), ((0,), (3,))])
def test_shapes_that_do_not_meet_are_refused_by_all(shapes):
    with pytest.raises(ValueError, match="do not meet"):
        broadcast(*shapes)
    with pytest.raises(ValueError, match="mismatch"):
        np.broadcast_shapes(*shapes)


@pytest.mark.parametrize(
    ("equation", "shapes"),
    [
        ("ij,jk->ik", [(2, 3), (3, 4)]),
        ("hqd,hkd->hqk", [(2, 3, 4), (2, 5, 4)]),
        ("ii->i", [(3, 3)]),
        ("ii->", [(3, 3)]),
        ("ij->ji", [(2, 3)]),
        ("i,j->ij", [(2,), (3,)]),
        ("bi,ij,bj->b", [(2, 3), (3, 4), (2, 4)]),
    ],
)
def test_einsum_agrees_with_torch_and_numpy(agrees, equation, shapes):
    tensors = [torch.randn(*shape, dtype=torch.float64) for shape in shapes]
    ours = einsum(equation, *tensors)
    agrees(ours, torch.einsum(equation, *tensors), "torch.einsum")
    arrays = [tensor.numpy() for tensor in tensors]
    agrees(ours, np.einsum(equation, *arrays), "numpy.einsum")


@pytest.mark.parametrize("dim", [0, 1, -1])
def test_softmax_agrees_with_torch(agrees, dim):
    scores = torch.randn(2, 3, 5, dtype=torch.float64)
    scores[1] *= 300  # the exponentials of these would overflow
    scores[0, 1, 2:] = -math.inf
    agrees(softmax(scores, dim), scores.softmax(dim), "torch.softmax")


def test_a_row_that_is_masked_out_gets_no_weight():
    scores = torch.tensor([[0.0, 0.0], [-math.inf, -math.inf]])
    assert_close(softmax(scores, dim=-1), torch.tensor([[0.5, 0.5], [0.0, 0.0]]))


def test_softmax_passes_gradients_of_its_jacobian():
    scores = torch.randn(4, dtype=torch.float64, requires_grad=True)
    p = softmax(scores, dim=0)
    jacobian = torch.autograd.functional.jacobian(lambda x: softmax(x, 0), scores)
    assert_close(jacobian, torch.diag(p) - torch.outer(p, p))


def test_gather_and_scatter_agree_with_torch(agrees):
    x, values = torch.randn(3, 5).double(), torch.randn(3, 4).double()
    index = torch.tensor([[0, 4, 4, 2], [1, 1, 1, 1], [3, 0, 2, 3]])
    agrees(gather(x, index), x.gather(1, index), "torch.gather")
    theirs = torch.zeros(3, 5).double().scatter_add(1, index, values)
    agrees(scatter_add(values, index, 5), theirs, "torch.Tensor.scatter_add")


def test_scattering_is_the_gradient_of_gathering():
    x = torch.randn(3, 5, requires_grad=True)
    index, weights = torch.randint(5, (3, 4)), torch.randn(3, 4)
    (gather(x, index) * weights).sum().backward()
    assert_close(x.grad, scatter_add(weights, index, columns=5))


def test_neighbors_that_one_stride_leads_through_are_joined():
    assert runs(contiguous((2, 3, 4))) == [(24, 1)]
    assert runs(permute(contiguous((2, 3, 4)), (1, 0, 2))) == [(3, 4), (2, 12), (4, 1)]
    assert runs(expand(contiguous((1, 3)), (5, 2, 3))) == [(10, 0), (3, 1)]


@pytest.mark.parametrize("shape", [(0, 3), (2, 0)])
def test_nothing_is_contiguous(shape):
    assert is_contiguous(permute(contiguous(shape), (1, 0)))
    assert elements([], view(contiguous(shape), (0, 7))) == []


def test_bad_sizes_are_refused():
    layout = contiguous((3, 4))
    with pytest.raises(ValueError, match=r"\(3, 4\) and \(5, 2\)"):
        view(layout, (5, 2))
    with pytest.raises(ValueError, match="copy it first"):
        view(permute(layout, (1, 0)), (12,))
    with pytest.raises(ValueError, match=r"\(0, 0\) is no order of 2 axes"):
        permute(layout, (0, 0))
    with pytest.raises(ValueError, match=r"\(3, 4\) cannot become \(4,\)"):
        expand(layout, (4,))
    with pytest.raises(ValueError, match="j is 3 and 4 in ij,jk->ik"):
        einsum("ij,jk->ik", torch.ones(2, 3), torch.ones(4, 5))
    with pytest.raises(ValueError, match="twice in the output of i->ii"):
        einsum("i->ii", torch.ones(2))
    with pytest.raises(ValueError, match="negative index"):
        gather(torch.ones(2, 3), torch.tensor([[0], [-1]]))


def test_softmax_over_nothing_is_empty():
    empty = torch.zeros(3, 0)
    assert_close(softmax(empty, 1), empty.softmax(1))


def test_softmax_of_a_single_number_is_one():
    assert_close(softmax(torch.tensor(3.0), -1), torch.tensor(3.0).softmax(-1))
