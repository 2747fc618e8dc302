"""The vision transformer against ViTModel and ViTForImageClassification, and patches
against a strided convolution and unfold; then against the definition as loops.
"""

import math
from functools import partial

import pytest
import torch
from torch.nn.functional import conv2d, unfold
from torch.testing import assert_close
from transformers import ViTConfig, ViTForImageClassification, ViTModel
from transformers.models.vit.modeling_vit import ViTEmbeddings, ViTLayer

from snippets.transformers.shapes_models import (
    Classifier,
    drop_positions,
    fit,
    loss_of,
    right,
    small,
)
from snippets.transformers.shapes_task import images
from snippets.transformers.vision_transformer import (
    VisionTransformer,
    resize_positions,
    resized,
)
from snippets.transformers.vit_embeddings import Embeddings, patch_grid, patchify
from snippets.transformers.vit_layer import Layer

exact = {"rtol": 0, "atol": 0}
SIZES = {"patch_size": 4, "d_model": 12}
vision_transformer = partial(
    VisionTransformer, **SIZES, image_size=(8, 12), depth=2, heads=3, d_ff=20
)


def config(**others) -> ViTConfig:
    return ViTConfig(
        hidden_size=12,
        num_attention_heads=3,
        intermediate_size=20,
        num_hidden_layers=2,
        patch_size=4,
        attn_implementation="sdpa",  # the other one has a softmax in float32
        **{"image_size": (8, 12)} | others,
    )


def flat(weights: dict) -> dict:
    """Their weights, with the kernel of the convolution flattened to a matrix."""
    return {
        name: weight.flatten(1) if name.endswith("projection.weight") else weight
        for name, weight in weights.items()
    }


def theirs(kind, **others):
    """All parameters random: norms and biases would otherwise start alike."""
    torch.manual_seed(0)
    module = kind(config(**others)).double().eval()
    for parameter in module.parameters():
        parameter.data.normal_(std=0.4)
    return module


def pictures(*shape: int):
    torch.manual_seed(1)
    return torch.randn(*shape, dtype=torch.float64)


def test_the_whole_model_loads_by_name_and_agrees(agrees):
    their_model = theirs(partial(ViTModel, add_pooling_layer=False))
    ours = vision_transformer().double()
    ours.load_state_dict(flat(their_model.state_dict()))
    x = pictures(2, 3, 8, 12)
    last = their_model(x).last_hidden_state
    agrees(ours(x), last, "transformers.ViTModel")
    ours(x).square().sum().backward()
    last.square().sum().backward()
    gradients = flat({name: p.grad for name, p in their_model.named_parameters()})
    for name, parameter in ours.named_parameters():
        agrees(parameter.grad, gradients[name], "transformers.ViTModel")


def test_the_classifier_agrees(agrees):
    their_model = theirs(ViTForImageClassification, num_labels=5)
    ours = Classifier(vision_transformer(), classes=5).double()
    ours.load_state_dict(flat(their_model.state_dict()))
    x = pictures(2, 3, 8, 12)
    name = "transformers.ViTForImageClassification"
    agrees(ours(x), their_model(x).logits, name)


def test_embeddings_agree(agrees):
    their_part = theirs(ViTEmbeddings)
    ours = Embeddings(image_size=(8, 12), channels=3, **SIZES).double()
    ours.load_state_dict(flat(their_part.state_dict()))
    x = pictures(2, 3, 8, 12)
    agrees(ours(x), their_part(x), "transformers.ViTModel")


@pytest.mark.parametrize("eps", [1e-12, 1e-2])
def test_a_layer_agrees(agrees, eps):
    their_layer = theirs(ViTLayer, layer_norm_eps=eps)
    ours = Layer(12, 3, 20, eps).double()
    ours.load_state_dict(their_layer.state_dict())
    x = pictures(2, 7, 12) * 0.1
    agrees(ours(x), their_layer(x), "transformers.ViTModel")


@pytest.mark.parametrize("size", [(16, 16), (4, 12), (20, 8), (8, 8)])
def test_another_size_agrees(agrees, size):
    """Theirs takes the number of positions for a square, so the old grid is one."""
    their_model = theirs(partial(ViTModel, add_pooling_layer=False), image_size=8)
    ours = vision_transformer(image_size=(8, 8)).double()
    ours.load_state_dict(flat(their_model.state_dict()))
    x = pictures(2, 3, *size)
    last = their_model(x, interpolate_pos_encoding=True).last_hidden_state
    agrees(resized(ours, size)(x), last, "transformers.ViTModel")


def test_patches_are_those_of_unfold_and_of_a_convolution(agrees):
    x = pictures(2, 3, 8, 20)
    agrees(
        patchify(x, 4), unfold(x, 4, stride=4).mT, "torch.nn.functional.unfold", **exact
    )
    kernel = pictures(7, 3, 4, 4)
    strided = conv2d(x, kernel, stride=4).flatten(2).mT
    agrees(patchify(x, 4) @ kernel.flatten(1).T, strided, "torch.nn.functional.conv2d")


def test_patches_as_loops():
    x = torch.arange(2 * 6 * 9).reshape(2, 6, 9)
    tokens = [
        [
            x[channel, 3 * row + i, 3 * column + j]
            for channel in range(2)
            for i in range(3)
            for j in range(3)
        ]
        for row in range(2)
        for column in range(3)
    ]
    assert_close(patchify(x, 3), torch.tensor(tokens), **exact)
    assert_close(patchify(x[None, None], 3)[0, 0], torch.tensor(tokens), **exact)


def bicubic(distance: float, a: float = -0.75) -> float:
    """The kernel of Keys (1981) with the value of ``a`` that PyTorch has."""
    d = abs(distance)
    if d < 1:
        return (a + 2) * d**3 - (a + 3) * d**2 + 1
    return a * (d**3 - 5 * d**2 + 8 * d - 4) if d < 2 else 0.0


def test_positions_are_read_between_the_old_ones_on_the_grid():
    """The definition as loops: places outside have the value at the border."""
    table, old, new = pictures(1 + 2 * 3, 5), (2, 3), (5, 4)
    expected = [table[0]]
    for row in range(new[0]):
        for column in range(new[1]):
            y = (row + 0.5) * old[0] / new[0] - 0.5
            x = (column + 0.5) * old[1] / new[1] - 0.5
            total = torch.zeros(5).double()
            for i in range(math.floor(y) - 1, math.floor(y) + 3):
                for j in range(math.floor(x) - 1, math.floor(x) + 3):
                    inside = min(max(i, 0), old[0] - 1), min(max(j, 0), old[1] - 1)
                    share = bicubic(y - i) * bicubic(x - j)
                    total += share * table[1 + inside[0] * old[1] + inside[1]]
            expected.append(total)
    assert_close(resize_positions(table, old, new), torch.stack(expected))


def test_a_wide_grid_is_read_as_a_square_by_transformers():
    """A mistake of theirs that the page warns of; ours is told the old grid."""
    size = (4, 16)
    their_model = theirs(partial(ViTModel, add_pooling_layer=False), image_size=size)
    ours = vision_transformer(image_size=size).double()
    ours.load_state_dict(flat(their_model.state_dict()))
    x = pictures(1, 3, *size)
    right_one = their_model(x).last_hidden_state
    changed = their_model(x, interpolate_pos_encoding=True).last_hidden_state
    assert_close(resized(ours, size)(x), right_one)
    assert (changed - right_one).abs().max() > 0.01


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_the_old_grid_and_the_class_token_stay(dtype):
    table = pictures(1 + 6, 4).to(dtype)
    assert_close(resize_positions(table, (2, 3), (2, 3)), table, **exact)
    larger = resize_positions(table, (2, 3), (3, 5))
    assert larger.dtype == dtype
    assert_close(larger[0], table[0], **exact)
    one = resize_positions(table[:2], (1, 1), (2, 2))
    assert_close(one[1:], table[1].expand(4, -1), rtol=1e-2, atol=1e-2)


def test_resizing_leaves_the_model_as_it_was():
    vit = vision_transformer().double()
    before = {name: value.clone() for name, value in vit.state_dict().items()}
    other = resized(vit, (16, 4))
    other(pictures(1, 3, 16, 4)).sum().backward()
    assert other.embeddings.position_embeddings.grad is not None
    assert vit.embeddings.position_embeddings.grad is None
    for name, value in vit.state_dict().items():
        assert_close(value, before[name], **exact)
    assert vit.embeddings.grid == (2, 3)


def test_frozen_positions_stay_frozen_when_they_are_resized():
    vit = vision_transformer()
    drop_positions(vit)
    other = resized(vit, (16, 4)).embeddings.position_embeddings
    assert not other.requires_grad
    assert other.abs().max() == 0


def shuffled(x, order):
    """The images with their patches in another order."""
    rows, columns = patch_grid(*x.shape[-2:], 4)
    grid = patchify(x, 4)[:, order].unflatten(1, (rows, columns))
    grid = grid.unflatten(-1, (3, 4, 4))  # (batch, rows, columns, channels, P, P)
    return grid.permute(0, 3, 1, 4, 2, 5).flatten(2, 3).flatten(3, 4)


def test_without_positions_the_class_token_ignores_the_order_of_patches():
    vit = vision_transformer().double()
    x, order = pictures(2, 3, 8, 12), torch.tensor([4, 0, 5, 1, 3, 2])
    moved = shuffled(x, order)
    assert (vit(x)[:, 0] - vit(moved)[:, 0]).abs().max() > 1e-3
    drop_positions(vit)
    assert_close(vit(x)[:, 0], vit(moved)[:, 0])
    assert_close(vit(x)[:, 1:][:, order], vit(moved)[:, 1:])


def test_moving_patches_with_their_positions_changes_nothing():
    vit = vision_transformer().double()
    x, order = pictures(1, 3, 8, 12), torch.tensor([4, 0, 5, 1, 3, 2])
    before = vit(x)[:, 0]
    table = vit.embeddings.position_embeddings.data
    table[:, 1:] = table[:, 1:][:, order]
    assert_close(vit(shuffled(x, order))[:, 0], before)


def test_an_image_alone_is_like_one_in_a_batch():
    vit = vision_transformer().double()
    x = pictures(2, 3, 3, 8, 12)
    assert_close(vit(x)[1, 2], vit(x[1, 2]))
    assert vit(x[:0]).shape == (0, 3, 7, 12)


def test_half_precision():
    vit, x = vision_transformer().double(), pictures(2, 3, 8, 12)
    low = vit.bfloat16()(x.bfloat16())
    assert low.dtype == torch.bfloat16
    assert_close(low.double(), vit.double()(x), rtol=0.1, atol=0.1)


@pytest.mark.parametrize(
    ("size", "patch", "match"),
    [
        ((30, 32), 4, "30 x 32 pixels, but patch_size=4"),
        ((32, 30), 4, "32 x 30 pixels, but patch_size=4"),
        ((8, 8), 16, "8 x 8 pixels, but patch_size=16"),
        ((0, 8), 4, "0 x 8"),
        ((8, 8), 0, "patch_size=0"),
        ((8, 8), -4, "patch_size=-4"),
    ],
)
def test_sides_that_the_patch_does_not_divide_are_refused(size, patch, match):
    with pytest.raises(ValueError, match=match):
        patchify(torch.zeros(3, *size), patch)
    with pytest.raises(ValueError, match=match):
        vision_transformer(image_size=size, patch_size=patch)


def test_bad_input_is_refused():
    vit = vision_transformer()
    with pytest.raises(ValueError, match=r"image of \(12, 8\), not 8 x 12 pixels"):
        vit(torch.zeros(1, 3, 12, 8))
    with pytest.raises(ValueError, match="1 channels instead of 3"):
        vit(torch.zeros(1, 1, 8, 12))
    with pytest.raises(ValueError, match="12 features cannot be split into 5 heads"):
        vision_transformer(heads=5)
    for bad in ({"depth": 0}, {"channels": 0}, {"d_ff": -1}, {"d_model": 0}):
        name, value = next(iter(bad.items()))
        with pytest.raises(ValueError, match=f"{name}={value}"):
            vision_transformer(**bad)
    with pytest.raises(ValueError, match=r"7 rows, grids \(2, 2\) and \(4, 4\)"):
        resize_positions(torch.zeros(7, 2), (2, 2), (4, 4))
    with pytest.raises(ValueError, match=r"\(0, 3\)"):
        resize_positions(torch.zeros(7, 2), (2, 3), (0, 3))
    with pytest.raises(ValueError, match="10 x 12 pixels"):
        resized(vit, (10, 12))


def test_shapes_stand_where_the_answers_say():
    pixels, answers = images(50, seed=0)
    for picture, (_, color, quadrant) in zip(pixels, answers, strict=True):
        assert picture.sum((1, 2)).argmax() == color
        halves = picture.sum(0).reshape(2, 8, 2, 8).sum((1, 3))
        assert halves.flatten().argmax() == quadrant
    assert {tuple(a) for a in images(600, seed=1).answers.tolist()} == {
        (shape, color, quadrant)
        for shape in range(3)
        for color in range(3)
        for quadrant in range(4)
    }


@pytest.mark.parametrize(("centers", "number"), [((4, 12), 1), ((4, 11), 4)])
def test_aligned_objects_have_the_same_patches_in_every_quadrant(centers, number):
    """With centers 4 and 11, each quadrant has a set of patches of its own."""
    sets = {}
    for picture, answer in zip(*images(200, centers, seed=0, noise=0.0), strict=True):
        patches = str(sorted(patchify((picture > 0.5).int(), 4).tolist()))
        sets.setdefault(tuple(answer[:2].tolist()), set()).add(patches)
    assert {len(found) for found in sets.values()} == {number}


def test_training_side_by_side_leaves_frozen_positions():
    models = [small(True, seed=0), small(False, seed=0)]
    pixels, answers = images(40, seed=0)
    pair = torch.stack([pixels] * 2), torch.stack([answers] * 2)
    before = loss_of(models[0](pixels), answers).item()
    fit(models, *pair, loss_of, steps=8, batch=16)
    assert loss_of(models[0](pixels), answers).item() < before
    with_rows, without = (m.vit.embeddings.position_embeddings for m in models)
    assert without.abs().max() == 0
    assert with_rows.abs().max() > 0
    assert right(models[0](pixels), answers).shape == (40, 3)
