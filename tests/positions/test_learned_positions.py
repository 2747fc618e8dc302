"""Learned positions against GPT-2's and OPT's tables and PyTorch's interpolation."""

import itertools
import math

import pytest
import torch
from torch.nn.functional import cross_entropy
from torch.nn.functional import interpolate as torch_interpolate
from torch.testing import assert_close
from transformers import GPT2Config, GPT2Model
from transformers.models.opt.modeling_opt import OPTLearnedPositionalEmbedding

from snippets.positions.learned_positions import LearnedPositions, interpolate
from snippets.positions.weather_reports import (
    REPORT,
    STAY,
    Forecaster,
    best_forecast,
    divergence,
    excess,
    fit,
    reports,
)


def positions_of(rows: torch.Tensor) -> LearnedPositions:
    learned = LearnedPositions(max_len=len(rows), d_model=rows.shape[1]).double()
    learned.table.weight.data = rows.detach()
    return learned


def rows(count: int = 7, d_model: int = 5) -> torch.Tensor:
    torch.manual_seed(0)
    return torch.randn(count, d_model, dtype=torch.float64)


def test_added_to_tokens_they_are_what_gpt2_reads(agrees):
    torch.manual_seed(0)
    config = GPT2Config(n_embd=12, n_head=3, n_layer=1, n_positions=9, vocab_size=17)
    gpt2 = GPT2Model(config).double().eval()
    tokens = torch.randint(17, (2, 7))
    theirs = gpt2(tokens, output_hidden_states=True).hidden_states[0]
    ours = gpt2.wte(tokens) + positions_of(gpt2.wpe.weight)(torch.arange(7))
    agrees(ours, theirs, "transformers.GPT2Model")


def test_opt_starts_at_row_two(agrees):
    theirs = OPTLearnedPositionalEmbedding(9, 5).double()
    ours = positions_of(theirs.weight)
    mask = torch.tensor([[1, 1, 1, 1], [0, 0, 1, 1]])  # the second is padded
    places = (mask.cumsum(dim=1) - 1).clamp(min=0) + 2
    reference = "transformers.OPTLearnedPositionalEmbedding"
    agrees(ours(places)[mask == 1], theirs(mask)[mask == 1], reference)


@pytest.mark.parametrize("length", [1, 3, 7, 8, 13, 28])
def test_stretching_agrees_with_torch(agrees, length):
    table = rows()
    theirs = torch_interpolate(table.T[None], size=length, mode="linear")[0].T
    agrees(interpolate(table, length), theirs, "torch.nn.functional.interpolate")


def test_stretching_is_its_definition(agrees):
    table, stretched = rows(), []
    for row in range(17):
        place = min(max((row + 0.5) * 7 / 17 - 0.5, 0), 6)
        below = int(place)
        above = min(below + 1, 6)
        share = place - below
        stretched.append((1 - share) * table[below] + share * table[above])
    agrees(interpolate(table, 17), torch.stack(stretched), "its definition as loops")


def test_stretching_to_the_same_length_changes_nothing():
    assert_close(interpolate(rows(), 7), rows())


def test_stretching_keeps_a_straight_line_straight_between_the_middles():
    line = torch.arange(5.0).double()[:, None]
    inner = interpolate(line, 15)[1:-1]
    assert_close(inner.diff(dim=0), torch.full((12, 1), 1 / 3).double())


def test_a_position_has_the_same_row_wherever_it_stands():
    learned = positions_of(rows())
    places = torch.tensor([[3, 0, 6], [6, 3, 3]])
    assert_close(learned(places), rows()[places], rtol=0, atol=0)


def test_only_rows_that_were_read_are_trained():
    learned = positions_of(rows())
    learned(torch.tensor([0, 2, 2])).sum().backward()
    times = torch.tensor([1, 0, 2, 0, 0, 0, 0]).double()
    assert_close(learned.table.weight.grad, times[:, None].expand(7, 5))


def test_rows_start_small_and_random():
    torch.manual_seed(0)
    weight = LearnedPositions(max_len=300, d_model=200, std=0.05).table.weight
    assert_close(weight.std().item(), 0.05, rtol=0.02, atol=0)
    assert abs(weight.mean().item()) < 0.001


@pytest.mark.parametrize("place", [7, 100, -1])
def test_a_position_without_a_row_is_an_error(place):
    with pytest.raises(IndexError, match=f"position {place}, but the table has 7"):
        positions_of(rows())(torch.tensor([0, place]))


def test_empty_tables_are_refused():
    with pytest.raises(ValueError, match="max_len=0, d_model=5"):
        LearnedPositions(max_len=0, d_model=5)
    with pytest.raises(ValueError, match="cannot stretch 7 rows to 0"):
        interpolate(rows(), 0)
    with pytest.raises(ValueError, match="cannot stretch 0 rows to 3"):
        interpolate(rows()[:0], 3)


def probability(seen: list[int]) -> float:
    """Of a text: summed over every weather that there may have been."""
    total = 0.0
    for weather in itertools.product(range(4), repeat=len(seen)):
        stays = [STAY[pair].item() for pair in itertools.pairwise(weather)]
        right = [REPORT[pair].item() for pair in zip(weather, seen, strict=True)]
        total += math.prod(stays) * math.prod(right) / 4
    return total


def test_best_forecast_is_the_ratio_of_sums_over_all_weathers(agrees):
    text = [0, 2, 2, 1, 2]
    sums = [probability(text[:days]) for days in range(1, 6)]
    theirs = torch.tensor([later / now for now, later in itertools.pairwise(sums)])
    forecasts = best_forecast(torch.tensor([text]))[0]
    ours = forecasts[torch.arange(4), text[1:]]
    agrees(ours, theirs, "its definition as loops")
    assert_close(forecasts.sum(-1), torch.ones(4))


def test_reports_repeat_as_often_as_they_should():
    seen = reports(4000, 6, seed=0)
    again = (seen[:, 1:] == seen[:, :-1]).double().mean().item()
    assert abs(again - 0.448) < 0.015


def test_a_forecast_does_not_know_the_future():
    torch.manual_seed(0)
    forecaster = Forecaster(8, LearnedPositions(max_len=6, d_model=8, std=1.0))
    seen = reports(3, 6, seed=0)
    before = forecaster(seen)
    seen[:, 4:] = 3 - seen[:, 4:]
    assert_close(forecaster(seen)[:, :4], before[:, :4])
    assert not torch.allclose(forecaster(seen)[:, 4:], before[:, 4:])


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize(("count", "length"), [(257, 257), (300, 300), (1024, 3000)])
def test_half_precision_finds_the_places_of_long_tables(dtype, count, length):
    table = rows(count).to(dtype)
    expected = interpolate(table.double(), length)
    assert_close(interpolate(table, length).double(), expected, rtol=0.01, atol=0.03)


@pytest.mark.parametrize("dtype", [torch.int8, torch.int16, torch.int32])
def test_positions_may_be_small_integers(dtype):
    table = rows(300)
    places = torch.tensor([3, 0, 44], dtype=dtype)
    assert_close(positions_of(table)(places), table[places.long()], rtol=0, atol=0)


def test_a_table_of_one_row_and_one_feature_is_a_table():
    learned = LearnedPositions(max_len=1, d_model=1)
    assert_close(learned(torch.tensor([[0, 0]])), learned.table.weight.expand(1, 2, 1))
    assert_close(interpolate(rows(1), 3), rows(1).expand(3, 5))


def forecasters(count: int) -> list[Forecaster]:
    torch.manual_seed(0)
    return [Forecaster(8, LearnedPositions(max_len=9, d_model=8)) for _ in range(count)]


def test_excess_is_the_mean_loss_above_the_best_possible_over_what_may_come():
    texts = reports(5, 10, seed=0)
    (model,) = forecasters(1)
    logits, best = model(texts[:, :-1]), best_forecast(texts)
    above = 0
    for kind in range(4):
        target = torch.full((5, 9), kind)
        loss = cross_entropy(logits.mT, target, reduction="none")
        above = above + best[..., kind] * (loss + best[..., kind].log())
    assert_close(excess([model], texts)[0], above.mean(0))


def test_no_forecast_is_better_than_the_best():
    best = best_forecast(reports(5, 10, seed=0))
    assert_close(divergence(best, best.log()), torch.zeros(5, 9))
    assert (divergence(best, torch.randn(5, 9, 4)) > 0).all()


def test_training_several_models_is_training_each_alone():
    texts, options = reports(40, 10, seed=0), {"steps": 3, "batch": 4, "rate": 0.01}
    first, second = forecasters(2)
    before = first.output.weight.clone()
    both, history = fit([first, second], texts, **options)
    random = torch.Generator().manual_seed(0)
    optimizer = torch.optim.Adam(second.parameters(), lr=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.01, 3)
    for step in range(3):
        seen = texts[torch.randint(40, (2, 4), generator=random)[1]]
        late = excess([second], seen)[0, 8:].mean()
        assert_close(history[step, 1], late, rtol=1e-4, atol=1e-5)
        forecast = second(seen[:, :-1]).mT
        loss = cross_entropy(forecast, best_forecast(seen).mT)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    for ours, alone in zip(both[1].parameters(), second.parameters(), strict=True):
        assert_close(ours, alone, rtol=1e-4, atol=1e-5)
    assert_close(first.output.weight, before)  # the given models are not changed


def test_the_latest_report_needs_no_attention_to_reach_the_forecast():
    torch.manual_seed(0)
    forecaster = Forecaster(8, lambda places: 0, lambda query, key, value: 0 * value)
    seen = reports(3, 6, seed=0)
    assert_close(forecaster(seen), forecaster.output(forecaster.report(seen)))
