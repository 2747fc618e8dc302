"""Prefix-aware routing: which replica gets a turn, and where its cache comes from.

vLLM production stack, load-aware routing,
https://docs.vllm.ai/projects/production-stack (score and ``beta``); Qin et al. (2025),
https://www.usenix.org/conference/fast25/presentation/qin (a shared cache);
Liu et al. (2025), https://arxiv.org/abs/2510.09665 (offloading)

Replicas serve one prompt at a time, first come, first served.
"""

from bisect import bisect
from collections import OrderedDict
from collections.abc import Callable
from itertools import pairwise
from typing import NamedTuple

import numpy as np


class Turn(NamedTuple):
    """A prompt: ``context`` tokens of earlier turns, then ``new`` ones."""

    arrival: float
    session: int
    context: int
    new: int


Rule = Callable[[int, Turn, list[int], list[int]], int]


def round_robin(count: int, turn: Turn, matched: list[int], load: list[int]) -> int:
    """Replicas in turn, whatever they have cached."""
    return count % len(matched)


def prefix_aware(
    count: int,
    turn: Turn,
    matched: list[int],
    load: list[int],
    beta: float = 0.2,
) -> int:
    """The replica with the best score: share of the prompt cached, minus load."""
    mean = sum(load) / len(load)

    def score(i: int) -> float:
        share = matched[i] / (turn.context + turn.new)
        return share - beta * (load[i] - mean) / max(1, mean)

    return max(range(len(matched)), key=score)


def serve_turns(
    turns: list[Turn],
    replicas: int,
    slots: int,
    rule: Rule,
    prefill: Callable[[int, int], float],
    fetch: Callable[[int], float] | None = None,
) -> tuple[float, np.ndarray]:
    """Share of context tokens that were not computed again, and times to first token.

    Parameters
    ----------
    slots
        Tokens that a replica can cache. The session unused for longest is evicted.
    prefill
        Seconds for so many tokens after so many that are cached.
    fetch
        Seconds to load so many tokens from a shared store, which keeps everything.
        Without it, what is not cached on the replica is computed again.

    Raises
    ------
    ValueError
        If the turns are not in the order of their arrival.
    """
    if any(one.arrival > two.arrival for one, two in pairwise(turns)):
        raise ValueError("turns are not in the order of their arrival")
    cached = [OrderedDict() for _ in range(replicas)]
    ends: list[list[float]] = [[0.0] for _ in range(replicas)]
    reused, waits = 0, []
    for count, turn in enumerate(turns):
        matched = [min(cache.get(turn.session, 0), turn.context) for cache in cached]
        load = [len(served) - bisect(served, turn.arrival) for served in ends]
        chosen = rule(count, turn, matched, load)
        hit, seconds = matched[chosen], 0.0
        if fetch is not None:
            seconds, hit = fetch(turn.context - hit), turn.context
        seconds += prefill(turn.context + turn.new - hit, hit)
        end = max(ends[chosen][-1], turn.arrival) + seconds
        ends[chosen].append(end)
        keep(cached[chosen], turn.session, turn.context + turn.new, slots)
        reused += hit
        waits.append(end - turn.arrival)
    return reused / sum(turn.context for turn in turns), np.array(waits)


def keep(cache: OrderedDict, session: int, tokens: int, slots: int) -> None:
    """Put a session in, newest last, and evict the oldest ones until all fit."""
    cache[session] = tokens
    cache.move_to_end(session)
    while sum(cache.values()) > slots:
        cache.popitem(last=False)


def draw_turns(
    sessions: int, count: int, new: int, rate: float, seed: int = 0
) -> list[Turn]:
    """Agents that take ``count`` turns each, at ``rate`` turns per second in total."""
    rng = np.random.default_rng(seed)
    order = rng.permutation(np.repeat(np.arange(sessions), count))
    arrivals = rng.exponential(1 / rate, len(order)).cumsum()
    done = [0] * sessions
    turns = []
    for arrival, session in zip(arrivals.tolist(), order.tolist(), strict=True):
        turns.append(Turn(arrival, session, done[session] * new, new))
        done[session] += 1
    return turns
