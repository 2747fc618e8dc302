"""LLM serving against SimPy, queueing theory, and PyTorch's counter of operations.

A second server is written here with SimPy, from a description of the first; operations
are counted by PyTorch's ``FlopCounterMode``.
"""

import math
from dataclasses import replace

import numpy as np
import pytest
import simpy
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from snippets.foundations.resource_accounting import Decoder, parameters
from snippets.inference.cache_policies import Request
from snippets.inference.llm_serving import (
    Pages,
    Served,
    serve,
    serve_disaggregated,
)
from snippets.inference.model_parallelism import Layer
from snippets.inference.server_costs import H100, Server, Work, costs

SMALL = Decoder(
    layers=3, d_model=24, heads=8, kv_heads=4, head_dim=3, d_ff=20, vocab=11
)

bounded = settings(max_examples=15, deadline=None, derandomize=True, database=None)


def layers() -> nn.ModuleList:
    torch.manual_seed(0)
    sizes = {"d_model": 24, "heads": 8, "kv_heads": 4, "d_ff": 20}
    return nn.ModuleList(Layer(**sizes) for _ in range(5)).double()


def tokens() -> torch.Tensor:
    torch.manual_seed(1)
    return torch.randn(6, 7, 24, dtype=torch.float64)


def test_more_ranks_than_heads_are_refused():
    with pytest.raises(ValueError, match="3 ranks cannot share 4 key heads"):
        Server(model=SMALL, ranks=3)


@pytest.mark.parametrize("rate", [0.0, -1.0, math.nan])
def test_rates_that_are_not_positive_are_refused(rate):
    for name in ("bandwidth", "peak", "fp8_peak", "mfu", "mbu"):
        with pytest.raises(ValueError, match=f"{name}={rate}"):
            replace(H100, **{name: rate})
    with pytest.raises(ValueError, match=f"link={rate}"):
        Server(model=SMALL, link=rate)
    with pytest.raises(ValueError, match=r"mfu=50\.0"):
        replace(H100, mfu=50.0)


def test_operations_agree_with_those_that_pytorch_counts(agrees):
    """PyTorch counts each query with each key, also those that the mask removes."""
    from torch.utils.flop_counter import FlopCounterMode

    model = nn.Sequential(*layers()[:3], nn.Linear(24, 11, bias=False)).double()
    with FlopCounterMode(display=False) as counter:
        model(tokens()[:1])
    server = Server(model=SMALL, device=replace(H100, peak=1.0, mfu=1.0))
    ours = costs(server, Work(0, prefilled=7, context=7, pairs=49))["arithmetic"]
    theirs = float(counter.get_total_flops())
    agrees(ours, theirs, "torch.utils.flop_counter.FlopCounterMode", rtol=0, atol=0)


def test_memory_time_is_the_bytes_of_weights_and_caches():
    server = Server(model=SMALL, device=replace(H100, bandwidth=4.0, mbu=0.5))
    held = sum(p.numel() for layer in layers()[:3] for p in layer.parameters())
    weights = held - 3 * 2 * 24 + 11 * 24  # no norms, but the head
    cache = 2 * 3 * 4 * 3 * 13  # keys and values, layers, heads, features, tokens
    found = costs(server, Work(2, 0, context=13, pairs=13))
    assert found["memory"] == 2 * (weights + cache) / 2.0
    device = replace(H100, memory=2 * parameters(SMALL) + 10.5 * 144)
    assert Server(model=SMALL, device=device).slots == 10
    eight = Server(model=SMALL, device=device, weight_bytes=1.0, cache_itemsize=1)
    assert eight.slots == (parameters(SMALL) + 10.5 * 144) // 72


def test_time_is_the_longer_of_reading_and_arithmetic_and_all_that_does_not_overlap():
    device = replace(H100, peak=8.0, fp8_peak=16.0, mfu=0.5, bandwidth=4.0, mbu=0.25)
    slow = Server(model=SMALL, device=replace(device, launch=7.0))
    weights = 3 * (2 * 24 * 24 + 2 * 24 * 12 + 3 * 24 * 20) + 11 * 24
    one, many = Work(1, 0, 0, 0), Work(100, 0, 0, 0)
    assert slow.seconds(one) == pytest.approx(2 * weights / 1.0 + 3 * 7)
    assert slow.seconds(many) == pytest.approx(2 * weights * 100 / 4.0 + 3 * 7)
    assert replace(slow, fp8=True).seconds(many) == weights * 100 / 4.0 + 3 * 7


def test_two_ranks_halve_the_work_and_talk_twice_a_layer():
    one, two = (
        costs(Server(model=SMALL, ranks=r, link=5.0, latency=0.25), Work(3, 4, 9, 9))
        for r in (1, 2)
    )
    assert two["memory"] == one["memory"] / 2
    assert two["arithmetic"] == one["arithmetic"] / 2
    assert one["links"] == 0
    message = 2 * 24 * 7  # bytes of seven tokens
    assert two["links"] == pytest.approx(2 * 3 * (0.25 + message / 5.0))


def test_guesses_are_accepted_as_often_as_in_a_game(agrees):
    """The mean of 20000 rounds, in which the first wrong guess ends the round."""
    server = Server(model=SMALL, guesses=4, acceptance=0.7)
    right = np.random.default_rng(0).random((20000, 4)) < 0.7
    played = 1 + right.cumprod(axis=1).sum(axis=1).mean()
    agrees(server.tokens_per_round, float(played), "rounds that are played", rtol=0.02)
    plain = Server(model=SMALL)
    assert costs(server, Work(2, 0, 10, 50)) == costs(plain, Work(10, 0, 10, 50))


class Clock(Server):
    """A server whose times are exact in binary."""

    def seconds(self, work: Work) -> float:
        tokens = work.decoded + work.prefilled
        return 1 + tokens / 64 + work.context / 512 + work.pairs / 2**14


clock = Clock(model=SMALL)


class SimPyServer:
    """The server of the page as a SimPy process, with a place for each request."""

    def __init__(self, requests, places, budget=math.inf, static=False):
        self.env, self.requests = simpy.Environment(), requests
        self.places = simpy.Container(self.env, capacity=places, init=places)
        self.queue = simpy.Store(self.env)
        self.inside, self.first, self.finish = [], {}, {}
        self.budget, self.static = budget, static
        self.computed = [0] * len(requests)  # tokens of the prompt
        self.produced = [0] * len(requests)
        for name, request in enumerate(requests):
            self.env.process(self.arrive(name, request.arrival))
        self.env.run(self.env.process(self.work()))

    def arrive(self, name, instant):
        yield self.env.timeout(instant)
        self.queue.put(name)

    def work(self):
        yield self.env.timeout(0)
        while len(self.finish) < len(self.requests):
            open_for_all = not (self.static and self.inside)
            while open_for_all and self.queue.items and self.places.level:
                self.places.get(1)
                self.inside.append((yield self.queue.get()))
            if not self.inside:
                yield self.env.timeout(self.env.peek() - self.env.now)
                continue
            yield from self.iterate()

    def iterate(self):
        budget, parts = self.budget, {}
        left = {n: self.requests[n].prompt - self.computed[n] for n in self.inside}
        for name in sorted(self.inside, key=lambda n: (left[n] > 0, n)):
            if left[name] == 0:
                parts[name] = 1
            elif budget > 0:
                parts[name] = min(left[name], budget)
            budget -= parts.get(name, 0)
        last = {n: self.computed[n] + self.produced[n] for n in parts}
        keys = {n: last[n] + (left[n] > 0) * parts[n] for n in parts}
        pairs = sum(keys[n] - back for n, part in parts.items() for back in range(part))
        time = 1 + sum(parts.values()) / 64 + sum(keys.values()) / 512
        yield self.env.timeout(time + pairs / 2**14)
        for name, part in parts.items():
            self.computed[name] += part if left[name] else 0
            if self.computed[name] == self.requests[name].prompt:
                self.first.setdefault(name, self.env.now)
                self.produced[name] += 1
            if self.produced[name] == self.requests[name].output:
                self.finish[name] = self.env.now
                self.inside.remove(name)
                self.places.put(1)


def some_requests(count: int, rate: float) -> list[Request]:
    """Arrivals in 64ths, and one pair at the same time."""
    rng = np.random.default_rng(5)
    arrivals = np.floor(64 * rng.exponential(size=count).cumsum() / rate) / 64
    arrivals[3] = arrivals[2]
    prompts, outputs = rng.integers(1, 40, (2, count)).tolist()
    return [Request(*r) for r in zip(arrivals.tolist(), prompts, outputs, strict=True)]


@pytest.mark.parametrize("rate", [0.02, 0.3])
@pytest.mark.parametrize(
    ("budget", "static"), [(math.inf, True), (math.inf, False), (9, False)]
)
def test_server_keeps_the_times_of_one_on_simpy(agrees, rate, budget, static):
    requests = some_requests(40, rate)
    run = serve(
        requests, clock, Pages(4096, max_num_seqs=5), token_budget=budget, static=static
    )
    theirs = SimPyServer(requests, 5, budget, static)
    for mine, other in ((run.first, theirs.first), (run.finish, theirs.finish)):
        assert mine.keys() == other.keys()
        ours = [mine[name] for name in sorted(mine)]
        agrees(
            ours, [other[n] for n in sorted(other)], "a second server on SimPy", 0, 0
        )


def test_waiting_agrees_with_pollaczek_and_khinchine(agrees):
    """Poisson arrivals, one prompt at a time, all equal: the queue M/D/1."""
    one = clock.seconds(Work(0, 16, 16, 16 * 17 / 2))
    gaps = np.random.default_rng(0).exponential(one / 0.3, 5000)
    requests = [Request(a, 16, 1) for a in gaps.cumsum().tolist()]
    run = serve(requests, clock, Pages(256, max_num_seqs=1))
    waited = float(run.to_first_token().mean()) - one
    formula = 0.3 * one / (2 * (1 - 0.3))
    agrees(waited, formula, "Pollaczek and Khinchine's formula", rtol=0.05, atol=0)


rows = st.tuples(st.integers(0, 500), st.integers(1, 60), st.integers(1, 40))


@bounded
@given(
    st.lists(rows, min_size=1, max_size=12),
    st.integers(1, 40),
    st.booleans(),
    st.integers(0, 3),
)
def test_all_tokens_are_produced_once_whatever_the_policy(
    found, budget, static, guesses
):
    """Also when memory is so short that requests are preempted and computed again."""
    requests = [Request(arrival / 4, *lengths) for arrival, *lengths in found]
    server = Clock(model=SMALL, guesses=guesses, acceptance=0.6)
    run = serve(
        requests, server, Pages(128, watermark=0.0), token_budget=budget, static=static
    )
    assert sum(run.gained) == sum(request.output for request in requests)
    for work in run.works:
        assert work.decoded + work.prefilled <= max(budget, work.decoded)
    for name, request in enumerate(requests):
        assert request.arrival < run.first[name] <= run.finish[name]


def test_time_in_the_server_is_that_of_its_iterations():
    """Little's law: requests times seconds, summed by iteration or by request."""
    requests = some_requests(30, 0.2)
    run = serve(requests, clock, Pages(4096, max_num_seqs=4))
    rows = zip(run.starts, run.running, strict=True)
    enter = {n: start for start, names in reversed(list(rows)) for n in names}
    by_request = sum(run.finish[name] - enter[name] for name in enter)
    inside = [len(names) for names in run.running]
    assert np.dot(inside, run.seconds) == pytest.approx(by_request)


def test_disaggregated_servers_compute_each_prompt_once_and_wait_for_the_link():
    requests = [Request(0.0, 10, 5), Request(100.0, 20, 1 + 3)]
    run = serve_disaggregated(requests, Clock(model=SMALL, link=144.0))
    # A token leaves 144 bytes, and crosses the link in a second.
    prompts = [clock.seconds(Work(0, n, n, n * (n + 1) / 2)) for n in (10, 20)]
    assert run.first == {0: prompts[0], 1: 100 + prompts[1]}
    steps = [clock.seconds(Work(1, 0, keys, keys)) for keys in (11, 12, 13, 14)]
    assert run.finish[0] == prompts[0] + 10 + sum(steps)
    assert run.per_token()[0] == pytest.approx((10 + sum(steps)) / 4)


def test_chunks_do_not_change_how_often_prompts_are_computed():
    requests = some_requests(10, 1.0)
    for budget in (3, 17, math.inf):
        run = serve(requests, clock, Pages(4096), token_budget=budget)
        assert sum(w.prefilled for w in run.works) == sum(r.prompt for r in requests)


def test_share_in_time_counts_requests_that_keep_both_limits():
    requests = [Request(0.0, 10, 3), Request(0.0, 10, 40)]
    run = serve(requests, clock, Pages(4096, max_num_seqs=1))
    first, token = run.to_first_token(), run.per_token()
    assert run.share_in_time(first[1], token.max()) == 1
    assert run.share_in_time(first[0], token.max()) == 0.5
    assert run.share_in_time(first[1], token.min() - 1e-9) == 0


def test_request_that_never_fits_is_refused():
    with pytest.raises(ValueError, match="9 blocks in a pool of 8"):
        serve([Request(0.0, 100, 29)], clock, Pages(128))
    with pytest.raises(ValueError, match="0 requests at a time"):
        Pages(128, max_num_seqs=0)
    with pytest.raises(ValueError, match="token_budget=0"):
        serve([Request(0.0, 10, 2)], clock, Pages(128), token_budget=0)


def test_a_preempted_prompt_has_no_first_token_until_it_is_computed_again():
    """Both prompts are complete when the older request takes the last free block."""
    requests = [Request(0.0, 1, 2), Request(0.5, 1, 2)]
    run = serve(requests, clock, Pages(4, 2, block_size=2, watermark=0.0))
    assert run.first[0] < run.finish[0] < run.first[1] < run.finish[1]


def test_the_rate_is_that_of_the_middle_half_of_the_tokens():
    gained, seconds = [2, 2, 2, 2], [8.0, 1.0, 3.0, 16.0]
    assert Served([], gained=gained, seconds=seconds).tokens_per_second() == 1


def test_rate_of_a_single_iteration_is_that_of_the_whole_run():
    run = serve([Request(0.0, 3, 1)], clock, Pages(64))
    assert run.tokens_per_second() == 1 / run.finish[0]
