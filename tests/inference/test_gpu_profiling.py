"""The counter against PyTorch's own, its profiler, and transformers' Llama."""

import time

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.nn.functional import scaled_dot_product_attention
from torch.profiler import ProfilerActivity, profile
from torch.testing import assert_close
from torch.utils.flop_counter import FlopCounterMode
from transformers import DynamicCache, LlamaConfig
from transformers.models.llama.modeling_llama import LlamaAttention

from snippets.inference.gpu_profiling import (
    Cost,
    Counter,
    Machine,
    linear_cost,
    profiled_seconds,
    seconds_of,
)
from snippets.inference.profiled_layer import Layer, linear_step, two_steps

positive = st.floats(min_value=1e-3, max_value=1e15)


def small_layer() -> Layer:
    torch.manual_seed(0)
    layer = Layer(d_model=24, heads=6, kv_heads=2, d_ff=40)
    return layer.double().requires_grad_(False)


def counted(run) -> Counter:
    with Counter() as counter:
        run()
    return counter


def test_a_layer_adds_to_what_there_was():
    """Attention alone where the network is zero, and the network alone likewise."""
    layer, x = small_layer(), torch.randn(2, 5, 24).double()
    up, down = layer.up.weight.clone(), layer.down.weight.clone()
    layer.down.weight.zero_()
    assert_close(layer(x, []) - x, layer.mix(x, []))
    layer.down.weight.copy_(down)
    layer.mix.out.weight.zero_()
    assert_close(layer(x, []) - x, torch.nn.functional.gelu(x @ up.T) @ down.T)


@pytest.mark.parametrize("seq", [1, 7])
def test_operations_agree_with_pytorchs_counter(agrees, seq):
    x, layer = torch.randn(3, seq, 24, dtype=torch.float64), small_layer()
    with FlopCounterMode(display=False) as theirs:
        layer(x, [])
    ours = counted(lambda: layer(x, [])).total.operations
    agrees(ours, theirs.get_total_flops(), "torch.utils.flop_counter.FlopCounterMode")


def test_operations_with_a_bias_agree_with_pytorchs_counter(agrees):
    network, x = nn.Linear(5, 3), torch.randn(7, 5)
    with FlopCounterMode(display=False) as theirs:
        network(x)
    ours = counted(lambda: network(x)).total.operations
    agrees(ours, theirs.get_total_flops(), "torch.utils.flop_counter.FlopCounterMode")


@pytest.mark.parametrize("causal", [False, True])
def test_fused_attention_has_the_operations_of_two_products(agrees, causal):
    """In PyTorch's counter, whether keys are hidden or not; key heads are shared."""
    query, key, value = (torch.randn(2, n, s, 8) for n, s in [(6, 5), (2, 5), (2, 5)])
    options = {"is_causal": causal, "enable_gqa": True}
    ours = counted(lambda: scaled_dot_product_attention(query, key, value, **options))
    key, value = (x.repeat_interleave(3, dim=1) for x in (key, value))
    with FlopCounterMode(display=False) as theirs:
        (query @ key.mT).softmax(dim=-1) @ value
    agrees(
        ours.total.operations,
        theirs.get_total_flops(),
        "torch.utils.flop_counter.FlopCounterMode",
    )
    sizes = [4 * n for n in (2 * 6 * 5 * 8, 2 * 2 * 5 * 8)]
    assert ours.total.moved >= 2 * sizes[0] + 2 * sizes[1]


def test_a_vector_counts_as_a_matrix_of_one_column(agrees):
    matrix, vector = torch.randn(7, 5), torch.randn(5)
    with FlopCounterMode(display=False) as theirs:
        matrix @ vector[:, None]
    ours = counted(lambda: matrix @ vector).total.operations
    agrees(ours, theirs.get_total_flops(), "torch.utils.flop_counter.FlopCounterMode")
    assert counted(lambda: vector @ vector).total.operations == 2 * 5


def test_rows_of_a_table_are_read_and_the_rest_is_not():
    """Two rows of 64, in and out, and their two numbers of eight bytes."""
    table, rows = torch.randn(1000, 64), torch.tensor([3, 999])
    runs = [
        lambda: nn.functional.embedding(rows, table),
        lambda: table[rows],
        lambda: table.index_select(0, rows),
    ]
    for run in runs:
        assert counted(run).total.moved == 2 * (2 * 64 * 4) + 2 * 8
    index = torch.zeros(2, 3, dtype=torch.int64)
    assert counted(lambda: table.gather(1, index)).total.moved == 6 * (8 + 4 + 4)


def test_rows_put_into_a_table_are_moved_and_the_rest_is_not():
    """One token of 2 heads of 8 into a cache of 50: read, written, and its place."""
    cache, new, where = torch.zeros(1, 2, 50, 8), torch.ones(1, 2, 1, 8), torch.tensor

    def put():
        cache[:, :, where([7])] = new

    def put_slice():
        cache[:, :, 7:8] = new

    def put_zero():
        cache[:, :, where([7])] = 0.0

    token = 2 * 8 * 4
    assert counted(put_slice).total.moved == 2 * token
    assert counted(put).costs["index_put_"].moved == 2 * token + 8
    assert counted(put_zero).costs["index_put_"].moved == token + 4 + 8
    at = where([7])
    assert counted(lambda: cache.index_copy_(2, at, new)).total.moved == 2 * token + 8
    at = torch.full((1, 2, 1, 8), 7)
    run = counted(lambda: cache.scatter_(2, at, new))
    assert run.total.moved == 2 * token + at.nbytes
    assert counted(lambda: cache.scatter_(2, at, 1.0)).total.moved == token + at.nbytes


def test_adding_to_rows_counts_the_whole_table_read_and_written():
    table, at, new = torch.zeros(50, 8), torch.tensor([7]), torch.ones(1, 8)
    moved = counted(lambda: table.index_put_((at,), new, accumulate=True)).total.moved
    assert moved == 2 * table.nbytes + at.nbytes + new.nbytes
    places = at[:, None].expand(1, 8)
    run = counted(lambda: table.scatter_(0, places, 1.0, reduce="add"))
    assert run.total.moved > 2 * table.nbytes
    assert counted(lambda: table.copy_(table + 1, True)).costs["copy_"].moved == 3200


def test_products_agree_with_the_profilers(agrees):
    x, layer = torch.randn(3, 7, 24, dtype=torch.float64), small_layer()
    with profile(activities=[ProfilerActivity.CPU], with_flops=True) as record:
        layer(x, [])
    theirs = {event.key: event.flops for event in record.key_averages()}
    ours = counted(lambda: layer(x, [])).costs
    for name in ("mm", "bmm"):
        agrees(ours[name].operations, theirs[f"aten::{name}"], "torch.profiler.profile")


def test_decoding_has_the_operations_of_llamas_attention(agrees):
    config = LlamaConfig(
        hidden_size=24,
        num_attention_heads=6,
        num_key_value_heads=2,
        attn_implementation="eager",
    )
    llama, mix = LlamaAttention(config, layer_idx=0), small_layer().float().mix
    past, theirs = [torch.randn(1, 2, 9, 4) for _ in range(2)], DynamicCache()
    theirs.update(*past, layer_idx=0)
    token, still = torch.randn(1, 1, 24), (torch.ones(1, 1, 4), torch.zeros(1, 1, 4))
    with FlopCounterMode(display=False) as counter:
        llama(token, still, None, theirs)
    ours = counted(lambda: mix(token, past)).total.operations
    agrees(ours, counter.get_total_flops(), "transformers.LlamaAttention")


def test_a_product_moves_three_matrices(agrees):
    x, weight = np.ones((5, 24), "float32"), np.ones((40, 24), "float32")
    cost = counted(lambda: torch.from_numpy(x) @ torch.from_numpy(weight).T).costs["mm"]
    agrees(cost.moved, x.nbytes + weight.nbytes + (x @ weight.T).nbytes, "numpy.nbytes")
    assert cost == linear_cost(5, 24, 40, itemsize=4)


def test_views_move_nothing():
    x = torch.ones(4, 6)
    views = counted(
        lambda: x.T.unflatten(0, (2, 3))[:, 1:].unsqueeze(0).expand(5, -1, -1, -1)
    )
    assert views.total == Cost()


def test_what_expand_repeats_is_read_once():
    row, out = torch.ones(1, 8), torch.empty(3, 8)
    cost = counted(lambda: torch.add(row.expand(3, 8), 1, out=out)).total
    assert cost.moved == 4 * (8 + 24)


def test_in_place_results_are_read_and_written():
    x = torch.ones(8)
    assert counted(lambda: x.mul_(2)).total.moved == 4 * (8 + 8)


def test_concatenation_reads_and_writes_the_whole_cache():
    layer, past = small_layer(), [torch.randn(1, 2, 9, 4).double() for _ in range(2)]
    token = torch.randn(1, 1, 24, dtype=torch.float64)
    moved = counted(lambda: layer(token, past)).costs["cat"].moved
    assert moved == 2 * (9 + 1 + 10) * 2 * 4 * 8


def test_layer_step_by_step_equals_the_whole():
    layer, cache = small_layer(), []
    x = torch.randn(2, 5, 24, dtype=torch.float64)
    steps = [layer(x[:, t : t + 1], cache) for t in range(5)]
    assert_close(torch.cat(steps, dim=1), layer(x, []))


@given(peak=positive, bandwidth=positive, intensity=positive)
def test_the_roof_is_the_lower_of_two_lines(peak, bandwidth, intensity):
    machine = Machine(peak, bandwidth)
    roof = machine.attainable(intensity)
    assert roof <= peak
    assert roof <= bandwidth * intensity
    assert roof in (peak, bandwidth * intensity)
    assert (roof == peak) == (bandwidth * intensity >= peak)


@given(peak=positive, bandwidth=positive, rows=st.integers(1, 5000))
def test_the_least_time_is_the_work_at_the_attainable_speed(peak, bandwidth, rows):
    machine, cost = Machine(peak, bandwidth), linear_cost(rows, 24, 40)
    expected = cost.operations / machine.attainable(cost.intensity)
    assert machine.seconds(cost) == pytest.approx(expected)


def test_rows_are_the_intensity_until_weights_are_no_longer_most_of_it():
    """Two operations for each two-byte weight and row: one per byte and row."""
    found = [linear_cost(rows, 10**6, 10**6).intensity for rows in (1, 16, 256)]
    assert found == pytest.approx([1, 16, 256], rel=1e-3)
    limit = linear_cost(10**9, 1000, 1000).intensity
    assert limit == pytest.approx(2 * 1000 * 1000 / (2 * 2000), rel=1e-3)


def test_every_run_is_timed_in_every_round_between_two_waits():
    calls = []
    times = seconds_of(
        {name: lambda name=name: calls.append(name) for name in "ab"},
        rounds=3,
        wait=lambda: calls.append("."),
    )
    assert "".join(calls) == 4 * ".a..b."
    assert {name: len(found) for name, found in times.items()} == {"a": 3, "b": 3}
    assert all(found == sorted(found) for found in times.values())


def test_the_profiler_finds_where_the_time_goes():
    square, row = torch.ones(256, 256), torch.ones(8)
    before = time.perf_counter()
    seconds = profiled_seconds(lambda: (square @ square, row + 1))
    assert seconds["mm"] > 0
    assert seconds["add"] > 0
    assert sum(seconds.values()) < time.perf_counter() - before  # parts of the whole


@pytest.mark.parametrize(
    "numbers", [(0.0, 1.0), (1.0, 0.0), (-1.0, 1.0), (float("nan"), 1.0)]
)
def test_machines_that_do_nothing_are_refused(numbers):
    with pytest.raises(ValueError, match=r"not positive: Machine\(peak="):
        Machine(*numbers)


def test_the_intensity_of_what_moves_nothing():
    assert Cost(operations=5, moved=0).intensity == float("inf")
    assert np.isnan(Cost().intensity)
    assert np.isnan(Machine(5.0, 1.0).attainable(Cost().intensity))


def test_empty_products_are_refused():
    with pytest.raises(ValueError, match="rows=0, d_in=2, d_out=3"):
        linear_cost(0, 2, 3)


def test_two_steps_read_a_prompt_and_write_a_token():
    """Products with weights: 128 tokens, or one; the cache is as it was."""
    torch.manual_seed(0)
    operations = {}
    for name, run in two_steps().items():
        with Counter() as counter:
            shape = run().shape
        operations[name] = counter.costs["mm"].operations
        assert run().shape == shape
    assert operations["prefill"] == 128 * operations["decode"]


def test_a_linear_step_multiplies_rows_and_writes_to_the_same_memory():
    torch.manual_seed(0)
    weight = torch.randn(3, 5)
    torch.manual_seed(1)
    run = linear_step(weight, rows=2)
    torch.manual_seed(1)
    first = run()
    assert_close(first, nn.functional.linear(torch.randn(2, 5), weight))
    assert run().data_ptr() == first.data_ptr()
