"""Sinusoidal encoding against SpeechT5's, GPT-J's and Whisper's in transformers."""

import math

import pytest
import torch
from torch.nn.functional import one_hot
from torch.testing import assert_close
from transformers.models.gptj.modeling_gptj import create_sinusoidal_positions
from transformers.models.speecht5.modeling_speecht5 import (
    SpeechT5ScaledPositionalEncoding,
)
from transformers.models.whisper.modeling_whisper import sinusoids

from snippets.positions.looking_back import BACK, Head, PositionHead, accuracy
from snippets.positions.sinusoidal import (
    frequencies,
    shift_matrix,
    similarity,
    sinusoidal,
)


def encoding(length: int = 23, d_model: int = 14):
    return sinusoidal(torch.arange(length, dtype=torch.float64), d_model)


@pytest.mark.parametrize("d_model", [2, 6, 14])
def test_agrees_with_speecht5_which_interleaves(agrees, d_model):
    theirs = SpeechT5ScaledPositionalEncoding(0.0, d_model, max_len=23).pe[0]
    ours = sinusoidal(torch.arange(23), d_model)
    agrees(ours, theirs, "transformers.SpeechT5ScaledPositionalEncoding")


def test_agrees_with_gptj_which_puts_sines_before_cosines(agrees):
    ours = sinusoidal(torch.arange(23), 14)
    halves = torch.cat([ours[:, ::2], ours[:, 1::2]], dim=1)
    theirs = create_sinusoidal_positions(23, 14)
    agrees(halves, theirs, "transformers.gptj.create_sinusoidal_positions")


def test_agrees_with_whisper_whose_lowest_frequency_is_lower(agrees):
    """Whisper divides by one pair less, which is another base."""
    ours = sinusoidal(torch.arange(23), 14, base=10_000 ** (14 / 12))
    halves = torch.cat([ours[:, ::2], ours[:, 1::2]], dim=1)
    agrees(halves, sinusoids(23, 14), "transformers.whisper.sinusoids")


def test_is_its_definition(agrees):
    rows = [
        [
            turn(place / 10_000 ** (2 * pair / 6))
            for pair in range(3)
            for turn in (math.sin, math.cos)
        ]
        for place in (0, 1, 5, 700)
    ]
    places = torch.tensor([0, 1, 5, 700]).double()
    theirs = torch.tensor(rows, dtype=torch.float64)
    agrees(sinusoidal(places, 6), theirs, "its definition as loops")


@pytest.mark.parametrize("offset", [1, -3, 9, 0.5])
def test_one_matrix_moves_every_position(offset):
    places = torch.tensor([10, 11, 40, 5000]).double()
    moved = sinusoidal(places, 14) @ shift_matrix(offset, 14).mT
    assert_close(moved, sinusoidal(places + offset, 14))


def test_moves_add_up_and_go_back():
    there, back = shift_matrix(4, 14), shift_matrix(-4, 14)
    identity = torch.eye(14, dtype=torch.float64)
    assert_close(there @ shift_matrix(3, 14), shift_matrix(7, 14))
    assert_close(there @ back, identity)
    assert_close(there.mT, back)


def test_dot_products_depend_on_the_offset_alone():
    products = encoding() @ encoding().mT
    places = torch.arange(23)
    assert_close(products, similarity(places[:, None] - places, 14))


def test_all_encodings_have_the_same_length():
    assert_close(encoding().norm(dim=1), torch.full((23,), 7.0).double().sqrt())


def test_no_two_of_many_positions_are_alike():
    far = similarity(torch.arange(1, 10_000), 14)
    assert far.max() < similarity(torch.tensor(0), 14) - 0.1


def test_a_row_depends_on_its_position_alone():
    """Not on the length, the start, or on what stands beside it."""
    places = torch.tensor([[5, 2, 9], [0, 2, 7]])
    assert_close(sinusoidal(places, 14).double(), encoding()[places], atol=1e-6, rtol=0)


def test_far_positions_are_exact_in_single_precision():
    """A product in 32 bits would have lost the third decimal of a sine there."""
    far = sinusoidal(torch.tensor([98_765]), 64).double()
    exact = sinusoidal(torch.tensor([98_765.0]).double(), 64)
    assert_close(far, exact, atol=1e-7, rtol=0)


def test_frequencies_are_a_geometric_sequence():
    steps = frequencies(14)
    assert steps[0] == 1
    assert_close(steps[1:] / steps[:-1], torch.full((6,), 10_000 ** (-1 / 7)).double())


def test_type_follows_floating_positions():
    assert sinusoidal(torch.arange(3), 4).dtype == torch.float32
    assert sinusoidal(torch.arange(3.0).double(), 4).dtype == torch.float64
    assert sinusoidal(torch.arange(3.0).half(), 4).dtype == torch.float16


@pytest.mark.parametrize("d_model", [7, 0, -2])
def test_odd_and_empty_widths_are_refused(d_model):
    with pytest.raises(ValueError, match=f"d_model={d_model}"):
        sinusoidal(torch.arange(3), d_model)


def test_the_task_asks_for_the_symbol_three_tokens_before():
    symbols = torch.randint(16, (5, 9))
    right = one_hot(symbols.roll(BACK, dims=1), 16)
    assert_close(accuracy(lambda _: right, symbols), torch.ones(9 - BACK))


def test_a_head_reads_positions_from_its_start():
    torch.manual_seed(0)
    head = Head(lambda positions: sinusoidal(positions, 8), d_model=8)
    symbols = torch.randint(16, (2, 7))
    assert not torch.allclose(head(symbols), head(symbols, start=50), atol=1e-3)
    assert_close(head(symbols)[:, :4], head(symbols[:, :4]))


def test_a_position_head_weighs_by_position_only():
    """Its scores do not depend on the symbols, so its output is linear in one-hots."""
    torch.manual_seed(0)
    head = PositionHead(lambda positions: sinusoidal(positions, 8), d_model=8)
    same = torch.full((1, 5), 3)
    other = torch.tensor([[3, 3, 7, 3, 3]])
    share, rest = head(same).exp() - 1e-4, head(other).exp() - 1e-4
    assert_close(share[..., 3], torch.ones(1, 5))
    assert_close(rest[..., 3] + rest[..., 7], torch.ones(1, 5))
    assert_close(head(other)[:, :2], head(same)[:, :2])  # the future is hidden
    assert not torch.allclose(head(other), head(other, start=50), atol=1e-3)
