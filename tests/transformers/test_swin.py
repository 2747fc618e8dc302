"""The Swin transformer against SwinModel of transformers, part by part and as a whole;
then against the definition as loops, and what windows and positions imply.
"""

from functools import partial
from itertools import product

import pytest
import torch
from torch.testing import assert_close
from torch.utils.flop_counter import FlopCounterMode
from transformers import SwinConfig, SwinModel
from transformers.models.swin import modeling_swin

from snippets.transformers.shifted_windows import (
    shift_mask,
    shift_regions,
    window_grid,
    window_partition,
    window_reverse,
)
from snippets.transformers.swin import PatchMerging, SwinTransformer, multiplications
from snippets.transformers.swin_block import (
    Block,
    RelativePositionBias,
    WindowAttention,
    relative_position_index,
)
from snippets.transformers.window_tasks import Judge, pairs, stripes

exact = {"rtol": 0, "atol": 0}
LIBRARY = "transformers.SwinModel"
swin = partial(
    SwinTransformer,
    depths=(2, 3),
    heads=(3, 2),
    d_model=12,
    window_size=4,
    patch_size=2,
    mlp_ratio=2,
)


def config(**others) -> SwinConfig:
    sizes = {
        "image_size": (32, 48),
        "patch_size": 2,
        "embed_dim": 12,
        "depths": (2, 3),
        "num_heads": (3, 2),
        "window_size": 4,
        "mlp_ratio": 2,
        "drop_path_rate": 0.0,
        "attn_implementation": "sdpa",  # the other one has a softmax in float32
    }
    return SwinConfig(**sizes | others)


def random_weights(module):
    """All parameters random: biases, norms and tables would otherwise start alike."""
    torch.manual_seed(0)
    module = module.double().eval()
    for parameter in module.parameters():
        parameter.data.normal_(std=0.4)
    return module


def normal(*shape: int):
    torch.manual_seed(1)
    return torch.randn(*shape, dtype=torch.float64)


def flat(weights: dict) -> dict:
    """Their weights, with the kernel of the convolution flattened to a matrix."""
    return {
        name: weight.flatten(1) if name.endswith("projection.weight") else weight
        for name, weight in weights.items()
    }


@pytest.mark.parametrize("size", [(32, 48), (16, 32), (64, 16), (16, 16)])
def test_the_whole_model_and_its_gradients_agree(agrees, size):
    """Of the sizes, the last three have a stage that is one window high or wide."""
    theirs = random_weights(SwinModel(config(), add_pooling_layer=False))
    ours = swin().double()
    ours.load_state_dict(flat(theirs.state_dict()))
    x = normal(2, 3, *size)
    y = x.clone()
    last = theirs(x.requires_grad_()).last_hidden_state
    mine = ours(y.requires_grad_())
    agrees(mine.flatten(-3, -2), last, LIBRARY)
    last.square().sum().backward()
    mine.square().sum().backward()
    agrees(y.grad, x.grad, LIBRARY)
    gradients = flat({name: p.grad for name, p in theirs.named_parameters()})
    for name, parameter in ours.named_parameters():
        agrees(parameter.grad, gradients[name], LIBRARY)


@pytest.mark.parametrize(("window", "shift"), [(4, 0), (4, 2), (4, 1), (4, 3), (3, 1)])
def test_a_block_agrees_for_every_shift(agrees, window, shift):
    height, width = 2 * window, 3 * window
    settings = config(window_size=window)
    theirs = modeling_swin.SwinLayer(settings, 12, (height, width), 3, shift_size=shift)
    theirs = random_weights(theirs)
    ours = Block(12, 3, 24, window, shift).double()
    ours.load_state_dict(theirs.state_dict())
    x = normal(2, height, width, 12)
    hidden, _ = theirs(x.flatten(1, 2), (height, width))
    agrees(ours(x).flatten(1, 2), hidden, LIBRARY)


@pytest.mark.parametrize(
    ("height", "width", "window"), [(8, 12, 4), (6, 3, 3), (5, 5, 5)]
)
def test_windows_and_their_inverse_agree(agrees, height, width, window):
    x = normal(2, height, width, 5)
    theirs = modeling_swin.window_partition(x, window)
    ours = window_partition(x, window)
    agrees(ours.flatten(0, 1), theirs.flatten(1, 2), LIBRARY, **exact)
    back = modeling_swin.window_reverse(theirs, window, height, width)
    agrees(window_reverse(ours, height, width), back, LIBRARY, **exact)
    assert_close(window_reverse(ours, height, width), x, **exact)


@pytest.mark.parametrize(
    ("height", "width", "window", "shift"),
    [(8, 8, 4, 2), (8, 12, 4, 1), (6, 9, 3, 2), (14, 14, 7, 3)],
)
def test_the_mask_agrees(agrees, height, width, window, shift):
    settings = config(window_size=window)
    layer = modeling_swin.SwinLayer(settings, 12, (height, width), 3, 0.0, shift)
    theirs = layer.get_attn_mask(height, width, torch.float64, torch.device("cpu"))
    ours = shift_mask(height, width, window, shift)
    agrees(torch.where(ours, 0.0, -100.0).double(), theirs, LIBRARY, **exact)


@pytest.mark.parametrize("window", [1, 2, 5])
def test_the_bias_agrees(agrees, window):
    theirs = random_weights(modeling_swin.SwinRelativePositionBias(3, (window, window)))
    ours = RelativePositionBias(window, 3).double()
    ours.load_state_dict(theirs.state_dict())
    agrees(ours(), theirs()[0], LIBRARY, **exact)


def test_merging_agrees(agrees):
    theirs = random_weights(modeling_swin.SwinPatchMerging(6))
    ours = PatchMerging(6).double()
    ours.load_state_dict(theirs.state_dict())
    x = normal(2, 4, 10, 6)
    agrees(ours(x).flatten(1, 2), theirs(x.flatten(1, 2), (4, 10)), LIBRARY)


def test_a_shifted_block_is_attention_inside_each_region():
    """The definition without a roll or a mask: attend in each piece of the map."""
    block = random_weights(Block(6, 2, 12, window_size=4, shift=3))
    x = normal(8, 12, 6)
    part = block.attention
    expected = torch.zeros_like(x)
    for rows, columns in product(
        ([0, 3], [3, 7], [7, 8]), ([0, 3], [3, 7], [7, 11], [11, 12])
    ):
        places = list(product(range(*rows), range(*columns)))
        tokens = torch.stack([x[place] for place in places])
        outputs = []
        for head in range(2):
            own = slice(3 * head, 3 * head + 3)
            table = part.relative_position_bias.relative_position_bias_table[:, head]
            query, key = part.q_proj(tokens)[:, own], part.k_proj(tokens)[:, own]
            scores = query @ key.T / 3**0.5
            for i, j in product(range(len(places)), repeat=2):
                down = places[i][0] - places[j][0]
                right = places[i][1] - places[j][1]
                scores[i, j] += table[7 * (down + 3) + right + 3]
            outputs.append(scores.softmax(-1) @ part.v_proj(tokens)[:, own])
        for place, output in zip(
            places, part.o_proj(torch.cat(outputs, -1)), strict=True
        ):
            expected[place] = output
    assert_close(block.attend(x), expected)


def test_counted_multiplications(agrees):
    """PyTorch counts a multiplication and an addition as two."""
    for window in (None, 4):
        layer = WindowAttention(6, 2, window_size=window or 8)
        with FlopCounterMode(display=False) as counter:
            layer(window_partition(torch.randn(8, 8, 6), window or 8))
        counted = counter.get_total_flops() / 2
        agrees(
            torch.tensor(multiplications(8, 8, 6, window)).double(),
            torch.tensor(counted).double(),
            "torch.utils.flop_counter.FlopCounterMode",
            **exact,
        )


def test_regions_join_only_what_stays_neighbors():
    """Of one region: the places in the map differ as those in the window do."""
    height, width, window, shift = 8, 12, 4, 3
    place = torch.stack(
        torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij"), -1
    )
    rolled = window_partition(place.roll((-shift, -shift), dims=(0, 1)), window)
    inside = window_partition(place, window)
    apart = rolled[:, :, None] - rolled[:, None]
    same = (apart == inside[:, :, None] - inside[:, None]).all(-1)
    assert_close(shift_mask(height, width, window, shift), same, **exact)


def test_without_a_shift_the_mask_hides_nothing():
    assert shift_mask(8, 12, 4, 0).all()


def test_equal_offsets_share_a_row_of_the_table():
    index = relative_position_index(3)
    where = {}
    for i, j in product(range(9), repeat=2):
        offset = (i // 3 - j // 3, i % 3 - j % 3)
        where.setdefault(offset, set()).add(index[i, j].item())
    assert all(len(rows) == 1 for rows in where.values())
    assert sorted(row for rows in where.values() for row in rows) == list(range(25))


def reach(blocks, place, size=8):
    """Which inputs change the output at a place, by derivatives."""
    x = normal(size, size, 6).requires_grad_()
    y = x
    for block in blocks:
        y = block(y)
    grad = torch.autograd.grad(y[place].sum() + y[place].square().sum(), x)[0]
    return (grad.abs().sum(-1) > 0).sum().item()


@pytest.mark.parametrize(
    ("place", "tokens"), [((0, 0), 16), ((0, 3), 32), ((3, 4), 64), ((7, 7), 16)]
)
def test_two_blocks_reach_as_far_as_the_region_allows(place, tokens):
    plain = [random_weights(Block(6, 2, 12, 4, 0)) for _ in range(2)]
    shifted = random_weights(Block(6, 2, 12, 4, 2))
    assert reach(plain, place) == 16
    assert reach([plain[0], shifted], place) == tokens


def test_other_windows_do_not_matter_without_a_shift():
    block = random_weights(Block(6, 2, 12, 4, 0))
    x = normal(8, 8, 6)
    other = x.clone()
    other[:, 4:] = 9.0
    assert_close(block(x)[:, :4], block(other)[:, :4], **exact)


def test_without_a_bias_a_transposed_map_gives_transposed_outputs():
    """So the mean of all tokens cannot tell rows from columns."""
    blocks = [random_weights(Block(6, 2, 12, 4, shift)) for shift in (0, 2)]
    x = normal(8, 8, 6)

    def run(x):
        return blocks[1](blocks[0](x))

    assert (run(x.transpose(0, 1)).transpose(0, 1) - run(x)).abs().max() > 1e-3
    for block in blocks:
        block.attention.relative_position_bias.relative_position_bias_table.data.zero_()
    assert_close(run(x.transpose(0, 1)).transpose(0, 1), run(x))


def test_without_a_shift_windows_add_up_in_the_mean():
    """The logits are a sum over windows, which bounds what pairs can be told."""
    model = random_weights(Judge(shift=False, seed=0))
    x = normal(4, 3, 8, 8)  # image 1 and 2 each differ from image 0 in one window
    x[1:] = x[0]
    x[1, :, :4, :4], x[2, :, :4, 4:] = 1.0, 2.0
    x[3, :, :4, :4], x[3, :, :4, 4:] = 1.0, 2.0
    y = model(x)
    assert_close(y[1] + y[2], y[0] + y[3])


def test_transformers_loses_the_shift_after_a_small_image():
    """A mistake of theirs that the page warns of; ours has no such memory."""
    theirs = random_weights(SwinModel(config(), add_pooling_layer=False))
    ours = swin().double()
    ours.load_state_dict(flat(theirs.state_dict()))
    x, small = normal(1, 3, 32, 32), normal(1, 3, 8, 16)
    small = small.repeat(1, 1, 2, 1)  # 16 x 16: one window in the second stage
    before = theirs(x).last_hidden_state
    theirs(small), ours(small)
    assert_close(ours(x).flatten(1, 2), before)
    assert (theirs(x).last_hidden_state - before).abs().max() > 0.01


def test_the_backbone_of_transformers_shifts_a_single_window():
    """What the page says of it; SwinModel and ours do not."""
    backbone = random_weights(
        modeling_swin.SwinBackbone(config(out_features=["stage2"]))
    )
    x = normal(1, 3, 16, 16)  # one window in the second stage
    settings = {"output_hidden_states": True}
    shifted = backbone.swin(x, always_partition=True, **settings)
    usual = backbone.swin(x, **settings)
    ours = swin().double()
    ours.load_state_dict(flat(backbone.swin.state_dict()))
    last = usual.reshaped_hidden_states[-1]
    assert_close(
        ours.encoder(ours.embeddings(x).unflatten(-2, (8, 8))).movedim(-1, 1), last
    )
    assert (shifted.reshaped_hidden_states[-1] - last).abs().max() > 0.01


def test_a_classifier_has_no_weights_for_the_norms_of_the_backbone():
    """So they are new when a classifier's checkpoint is loaded, as the page says."""
    backbone = modeling_swin.SwinBackbone(config(out_features=["stage1", "stage2"]))
    classifier = modeling_swin.SwinForImageClassification(config())
    missing = backbone.state_dict().keys() - classifier.state_dict().keys()
    assert {name.split(".")[0] for name in missing} == {"hidden_states_norms"}


def test_an_image_alone_is_like_one_in_a_batch():
    model = random_weights(swin())
    x = normal(2, 3, 3, 32, 16)
    assert_close(model(x)[1, 2], model(x[1, 2]))
    assert model(x[:0]).shape == (0, 3, 8, 4, 24)


def test_half_precision():
    model, x = swin().double(), normal(2, 3, 32, 16)
    low = model.bfloat16()(x.bfloat16())
    assert low.dtype == torch.bfloat16
    assert_close(low.double(), model.double()(x), rtol=0.1, atol=0.1)


def test_large_scores_stay_behind_the_mask():
    """Added to a score, -100 would not hide a token whose score is 200 higher."""
    part = WindowAttention(4, 1, window_size=2).double()
    bias = part.relative_position_bias.relative_position_bias_table
    bias.data[:] = 200.0 * torch.arange(9)[:, None]
    x = normal(4, 4, 4)
    allowed = shift_mask(4, 4, 2, 1)
    other = x.clone()
    other[3, 3] = 50.0  # in the last window, each token is a region
    assert_close(part(x, allowed)[3, :3], part(other, allowed)[3, :3], **exact)


@pytest.mark.parametrize(
    ("height", "width", "window", "match"),
    [
        (8, 6, 4, "window_size=4 does not divide 8 x 6 tokens"),
        (6, 8, 4, "window_size=4 does not divide 6 x 8 tokens"),
        (8, 3, 4, "window_size=4 does not fit into 8 x 3 tokens"),
        (0, 8, 4, "window_size=4 does not fit into 0 x 8 tokens"),
        (8, 8, 0, "window_size=0 does not fit"),
        (8, 8, -2, "window_size=-2 does not fit"),
    ],
)
def test_windows_that_do_not_fill_the_map_are_refused(height, width, window, match):
    calls = [
        lambda: window_grid(height, width, window),
        lambda: window_partition(torch.zeros(height, width, 2), window),
        lambda: shift_mask(height, width, window, 0),
        lambda: multiplications(height, width, 6, window),
    ]
    for call in calls:
        with pytest.raises(ValueError, match=match):
            call()
    if window > 0:
        for shift in (0, window // 2):
            with pytest.raises(ValueError, match=match):
                Block(6, 2, 12, window, shift)(torch.zeros(height, width, 6))


@pytest.mark.parametrize("shift", [4, 5, -1])
def test_a_shift_of_a_window_or_more_is_refused(shift):
    match = f"shift={shift} must be at least 0 and below window_size=4"
    with pytest.raises(ValueError, match=match):
        shift_regions(8, 8, 4, shift)
    with pytest.raises(ValueError, match=match):
        Block(6, 2, 12, 4, shift)


def test_bad_sizes_are_refused():
    for size, match in (
        ((32, 30), "does not divide 16 x 15 tokens"),
        ((33, 32), "33 x 32 pixels, but patch_size=2"),
        ((24, 32), "does not divide 6 x 8 tokens"),
        ((8, 16), "does not fit into 2 x 4 tokens"),
    ):
        with pytest.raises(ValueError, match=match):
            swin()(torch.zeros(1, 3, *size))
    with pytest.raises(ValueError, match="1 channels instead of 3"):
        swin()(torch.zeros(1, 1, 32, 32))
    with pytest.raises(ValueError, match="5 x 4 tokens cannot be merged"):
        PatchMerging(6)(torch.zeros(5, 4, 6))
    with pytest.raises(ValueError, match="3 windows of 4 tokens do not fill 4 x 4"):
        window_reverse(torch.zeros(3, 4, 2), 4, 4)
    with pytest.raises(ValueError, match="2 windows of 8 tokens do not fill"):
        window_reverse(torch.zeros(2, 8, 2), 3, 6)
    with pytest.raises(ValueError, match="12 features cannot be split into 5 heads"):
        swin(heads=(5, 2))
    with pytest.raises(ValueError, match=r"depths=\(2, 0\)"):
        swin(depths=(2, 0))
    with pytest.raises(ValueError, match=r"heads=\(3,\)"):
        swin(heads=(3,))
    for name in ("d_model", "window_size", "patch_size", "channels", "mlp_ratio"):
        with pytest.raises(ValueError, match=f"{name}=0 must be positive"):
            swin(**{name: 0})


def test_pairs_are_what_the_answers_say():
    pixels, answers, across = pairs(300, seed=0)
    marks = pixels.unflatten(-1, (4, 2)).unflatten(-3, (4, 2)).mean((-1, -3)) > 0.5
    for image, answer, apart in zip(marks, answers, across, strict=True):
        color, row, column = image.nonzero().T
        assert len(color) == 2
        assert (color[0] == color[1]) == answer
        assert (row[0] - row[1]).abs() + (column[0] - column[1]).abs() == 1
        window = row // 2 * 2 + column // 2
        assert (window[0] != window[1]) == apart
    assert 0.4 < answers.double().mean() < 0.6


def test_stripes_are_what_the_answers_say():
    pixels, answers = stripes(100, seed=0)
    upright = pixels.mean((1, 2)).std(-1) > pixels.mean((1, 3)).std(-1)
    assert_close(upright.long(), answers, **exact)
