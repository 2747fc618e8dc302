"""Rotations against Llama and GPT-J of transformers, scaling against its functions."""

import math

import pytest
import torch
from torch.testing import assert_close
from transformers import LlamaConfig
from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS
from transformers.models.gptj import modeling_gptj as gptj
from transformers.models.llama import modeling_llama as llama

from snippets.positions.rope import (
    angles,
    decay_bound,
    frequencies,
    ntk_base,
    ramp_by_turns,
    rotate,
    rotate_halves,
    split_order,
    yarn_frequencies,
    yarn_scale,
)

HEADS, SEQ, HEAD_DIM = 3, 7, 10


def random_heads(seed: int = 0) -> torch.Tensor:
    random = torch.Generator().manual_seed(seed)
    shape = 2, HEADS, SEQ, HEAD_DIM
    return torch.randn(shape, generator=random, dtype=torch.float64)


def llama_config(head_dim: int, **rope) -> LlamaConfig:
    rope = {"rope_type": "default", "rope_theta": 10000.0} | rope
    return LlamaConfig(
        hidden_size=head_dim,
        num_attention_heads=1,
        max_position_embeddings=4096,
        rope_parameters=rope,
    )


@pytest.mark.parametrize("base", [10000.0, 500000.0])
@pytest.mark.parametrize("head_dim", [2, 10, 128])
def test_frequencies_agree_with_llama(agrees, head_dim, base):
    embedding = llama.LlamaRotaryEmbedding(llama_config(head_dim, rope_theta=base))
    ours = frequencies(head_dim, base).float()
    agrees(ours, embedding.inv_freq, "transformers.LlamaRotaryEmbedding")


@pytest.mark.parametrize("start", [0, 5])
def test_halves_agree_with_llama(agrees, start):
    query, key = random_heads(1).float(), random_heads(2).float()
    positions = torch.arange(start, start + SEQ)
    embedding = llama.LlamaRotaryEmbedding(llama_config(HEAD_DIM))
    cos, sin = embedding(query, positions[None])
    theirs = llama.apply_rotary_pos_emb(query, key, cos, sin)
    turn = angles(positions, frequencies(HEAD_DIM))
    name = "transformers.apply_rotary_pos_emb (Llama)"
    agrees(rotate_halves(query, turn), theirs[0], name)
    agrees(rotate_halves(key, turn), theirs[1], name)


def test_neighbors_agree_with_gptj(agrees):
    x = random_heads()
    turn = angles(torch.arange(SEQ), frequencies(HEAD_DIM))
    theirs = gptj.apply_rotary_pos_emb(
        x.transpose(1, 2), turn.sin()[None], turn.cos()[None]
    )
    name = "transformers.apply_rotary_pos_emb (GPT-J)"
    agrees(rotate(x, turn), theirs.transpose(1, 2), name)


def test_rotation_is_multiplication_by_a_complex_number(agrees):
    x = random_heads()
    turn = angles(torch.arange(SEQ), frequencies(HEAD_DIM))
    numbers = torch.view_as_complex(x.unflatten(-1, (-1, 2)).contiguous())
    theirs = torch.view_as_real(numbers * torch.exp(1j * turn)).flatten(-2)
    agrees(rotate(x, turn), theirs, "complex multiplication")


def test_rotation_is_its_matrices(agrees):
    """The definition as loops: a block of cosines and sines for each pair."""
    x = random_heads()
    theirs = torch.empty_like(x)
    for position in range(SEQ):
        matrix = torch.zeros(HEAD_DIM, HEAD_DIM, dtype=torch.float64)
        for pair in range(HEAD_DIM // 2):
            angle = position * 10000 ** (-2 * pair / HEAD_DIM)
            cos, sin = math.cos(angle), math.sin(angle)
            block = slice(2 * pair, 2 * pair + 2)
            rows = [[cos, -sin], [sin, cos]]
            matrix[block, block] = torch.tensor(rows, dtype=torch.float64)
        theirs[:, :, position] = x[:, :, position] @ matrix.T
    turn = angles(torch.arange(SEQ), frequencies(HEAD_DIM))
    agrees(rotate(x, turn), theirs, "its definition as loops")


@pytest.mark.parametrize("head_dim", [2, 6, 10])
def test_the_two_pairings_differ_by_an_order_of_features(head_dim):
    x, order = torch.randn(3, SEQ, head_dim), split_order(head_dim)
    turn = angles(torch.arange(SEQ), frequencies(head_dim))
    assert_close(
        rotate_halves(x[..., order], turn), rotate(x, turn)[..., order], rtol=0, atol=0
    )


def test_permuting_the_rows_of_a_projection_converts_it():
    x = torch.randn(SEQ, 4, dtype=torch.float64)
    weights = torch.randn(2, HEAD_DIM, 4, dtype=torch.float64)
    turn = angles(torch.arange(SEQ), frequencies(HEAD_DIM))
    query, key = rotate(x @ weights.mT, turn)
    rows = weights[:, split_order(HEAD_DIM)]
    query_halves, key_halves = rotate_halves(x @ rows.mT, turn)
    assert_close(query_halves @ key_halves.T, query @ key.T)
    mixed, key_mixed = rotate_halves(x @ weights.mT, turn)
    assert not torch.allclose(mixed @ key_mixed.T, query @ key.T, atol=0.1)


@pytest.mark.parametrize("turn_pairs", [rotate, rotate_halves])
def test_scores_depend_on_distance_alone(turn_pairs):
    query, key = random_heads(1), random_heads(2)
    scores = [
        turn_pairs(query, turn) @ turn_pairs(key, turn).mT
        for start in (0, 1000)
        for turn in [angles(torch.arange(SEQ) + start, frequencies(HEAD_DIM))]
    ]
    assert_close(scores[1], scores[0])


def test_score_is_that_of_the_key_turned_by_the_distance():
    query, key = torch.randn(2, 1, HEAD_DIM, dtype=torch.float64)

    def turned(x, position):
        turn = angles(torch.tensor([position]), frequencies(HEAD_DIM))
        return rotate(x, turn)

    assert_close(turned(query, 7) @ turned(key, 3).T, query @ turned(key, 3 - 7).T)
    assert not torch.allclose(query @ turned(key, 4).T, query @ turned(key, -4).T)


@pytest.mark.parametrize("turn_pairs", [rotate, rotate_halves])
def test_rotations_keep_lengths_and_the_first_position(turn_pairs):
    x = random_heads()
    turned = turn_pairs(x, angles(torch.arange(SEQ), frequencies(HEAD_DIM)))
    assert_close(turned.norm(dim=-1), x.norm(dim=-1))
    assert_close(turned[:, :, 0], x[:, :, 0], rtol=0, atol=0)


def test_bound_is_its_definition(agrees):
    speeds, distances = frequencies(HEAD_DIM), [0, 1, 4, 9]
    theirs = []
    for distance in distances:
        total, sums = 0, []
        for speed in speeds.tolist():
            total += complex(math.cos(distance * speed), math.sin(distance * speed))
            sums.append(abs(total))
        theirs.append(sum(sums) / (1 + 2 + 3 + 4 + 5))
    ours = decay_bound(torch.tensor(distances), speeds)
    theirs = torch.tensor(theirs, dtype=torch.float64)
    agrees(ours, theirs, "its definition as loops")


def test_no_score_exceeds_the_bound():
    """Abel's summation: the largest step between products, times the sums' lengths."""
    distances, speeds = torch.arange(50), frequencies(HEAD_DIM)
    query, key = torch.randn(2, 1, HEAD_DIM, dtype=torch.float64)
    pairs = [torch.view_as_complex(x.unflatten(-1, (-1, 2))) for x in (query, key)]
    products = (pairs[0] * pairs[1].conj())[0]
    steps = torch.cat([products, torch.zeros(1)]).diff().abs().max()
    score = (query * rotate(key.expand(50, -1), angles(distances, speeds))).sum(-1)
    assert (score.abs() <= steps * 15 * decay_bound(distances, speeds)).all()


def test_interpolation_agrees_with_linear_scaling(agrees):
    config = llama_config(128, rope_type="linear", factor=8.0)
    theirs, _ = ROPE_INIT_FUNCTIONS["linear"](config, "cpu")
    positions = torch.arange(1, 100, 7)
    squeezed = angles(positions / 8, frequencies(128)).float()
    name = "transformers.ROPE_INIT_FUNCTIONS['linear']"
    agrees(squeezed, positions[:, None] * theirs, name)


@pytest.mark.parametrize(
    ("head_dim", "factor", "trained", "base"),
    [
        (128, 16.0, 4096, 10000.0),
        (64, 40.0, 4096, 10000.0),
        (128, 8.0, 8192, 500000.0),
        (12, 4.0, 32, 10000.0),
    ],
)
def test_yarn_agrees_with_transformers(agrees, head_dim, factor, trained, base):
    config = llama_config(
        head_dim,
        rope_type="yarn",
        rope_theta=base,
        factor=factor,
        original_max_position_embeddings=trained,
    )
    theirs, scale = ROPE_INIT_FUNCTIONS["yarn"](config, "cpu")
    ours = yarn_frequencies(head_dim, factor=factor, trained=trained, base=base)
    name = "transformers.ROPE_INIT_FUNCTIONS['yarn']"
    agrees(ours.float(), theirs, name)
    agrees(torch.tensor(yarn_scale(factor)), torch.tensor(scale), name)


@pytest.mark.parametrize("head_dim", [4, 10, 128])
def test_ntk_base_agrees_with_dynamic_scaling(agrees, head_dim):
    """At four times the trained length, its base is ours for a factor of four."""
    config = llama_config(head_dim, rope_type="dynamic", factor=1.0)
    theirs, _ = ROPE_INIT_FUNCTIONS["dynamic"](config, "cpu", seq_len=4 * 4096)
    ours = frequencies(head_dim, ntk_base(head_dim, 4.0))
    agrees(ours.float(), theirs, "transformers.ROPE_INIT_FUNCTIONS['dynamic']")


@pytest.mark.parametrize(("head_dim", "trained"), [(128, 8192), (64, 4096)])
def test_ramp_by_turns_agrees_with_llama3(agrees, head_dim, trained):
    config = llama_config(
        head_dim,
        rope_type="llama3",
        rope_theta=500000.0,
        factor=8.0,
        low_freq_factor=1.0,
        high_freq_factor=4.0,
        original_max_position_embeddings=trained,
    )
    theirs, _ = ROPE_INIT_FUNCTIONS["llama3"](config, "cpu")
    ours = ramp_by_turns(
        frequencies(head_dim, 500000.0), factor=8.0, trained=trained, slow=1.0, fast=4.0
    )
    agrees(ours.float(), theirs, "transformers.ROPE_INIT_FUNCTIONS['llama3']")


def test_ramps_without_width_and_single_pairs_are_refused():
    with pytest.raises(ValueError, match="no ramp from slow=4"):
        ramp_by_turns(frequencies(4), factor=2.0, trained=99, slow=4.0, fast=4.0)
    with pytest.raises(ValueError, match="head_dim=2 has one pair"):
        ntk_base(2, 4.0)


def test_yarn_keeps_fast_pairs_and_slows_slow_ones():
    plain = frequencies(128)
    slowed = yarn_frequencies(128, factor=16.0, trained=4096)
    turns = 4096 * plain / (2 * math.pi)
    fast, slow = turns > 40, turns < 0.8
    assert fast.sum() > 10
    assert slow.sum() > 10
    assert_close(slowed[fast], plain[fast])
    assert_close(slowed[slow], plain[slow] / 16)
    assert (slowed.diff() < 0).all()


def test_half_precision_comes_back_in_its_type():
    x = torch.randn(SEQ, HEAD_DIM, dtype=torch.bfloat16)
    turn = angles(torch.arange(SEQ), frequencies(HEAD_DIM))
    assert rotate(x, turn).dtype == rotate_halves(x, turn).dtype == torch.bfloat16


def test_no_position_is_no_row():
    turn = angles(torch.arange(0), frequencies(HEAD_DIM))
    assert rotate(torch.ones(2, 0, HEAD_DIM), turn).shape == (2, 0, HEAD_DIM)


def test_bad_sizes_are_refused():
    with pytest.raises(ValueError, match="head_dim=5 features cannot be paired"):
        frequencies(5)
    with pytest.raises(ValueError, match="head_dim=0 features cannot be paired"):
        frequencies(0)
    with pytest.raises(ValueError, match="bfloat16 are wrong by whole turns"):
        angles(torch.arange(3), frequencies(4).bfloat16())
    with pytest.raises(ValueError, match=r"positions in torch\.bfloat16 are"):
        angles(torch.tensor([1001.0, 1003.0]).bfloat16(), frequencies(8))
    with pytest.raises(ValueError, match="trained=6 positions"):
        yarn_frequencies(8, factor=2.0, trained=6)


@pytest.mark.parametrize("turn_pairs", [rotate, rotate_halves])
def test_angles_of_other_features_are_refused(turn_pairs):
    turn = angles(torch.arange(SEQ), frequencies(HEAD_DIM))
    with pytest.raises(ValueError, match=r"7 angles of 5 pairs cannot rotate \(7, 8\)"):
        turn_pairs(torch.ones(SEQ, 8), turn)


@pytest.mark.parametrize("turn_pairs", [rotate, rotate_halves])
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_angles_of_16_bits_are_refused(turn_pairs, dtype):
    turn = angles(torch.arange(SEQ), frequencies(8)).to(dtype)
    with pytest.raises(ValueError, match="are rounded: use at least 32 bits"):
        turn_pairs(torch.ones(SEQ, 8), turn)


def test_odd_order_is_refused():
    with pytest.raises(ValueError, match="head_dim=7 features cannot be paired"):
        split_order(7)


def test_two_features_and_frequencies_of_32_bits_are_enough():
    turns = angles(torch.tensor([0, 3]), frequencies(2).float())
    assert_close(turns, torch.tensor([[0.0], [3.0]]))
    turned = rotate(torch.tensor([[1.0, 0.0], [1.0, 0.0]]), turns)
    expected = torch.tensor([[1.0, 0.0], [math.cos(3), math.sin(3)]])
    assert_close(turned, expected)


def test_a_trained_length_of_little_more_than_a_turn_is_enough():
    """The first pair turns 7 / (2 pi) = 1.1 times, the second less than once."""
    slowed = yarn_frequencies(4, factor=4.0, trained=7)
    assert_close(slowed, frequencies(4) / torch.tensor([1.0, 4.0]))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_turns_by_the_angles_of_64_bits(dtype):
    torch.manual_seed(0)
    x = torch.randn(3, 8).to(dtype)
    turns = angles(torch.tensor([1, 70_001, 131_071]), frequencies(8))
    for turn in (rotate, rotate_halves):
        ours, expected = turn(x, turns), turn(x.double(), turns)
        assert_close(ours.double(), expected, rtol=0, atol=0.04)
