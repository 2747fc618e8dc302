"""Rollout systems of agentic reinforcement learning: waiting, staleness, token bill.

Fu et al. (2025), AReaL, https://arxiv.org/abs/2505.24298;
TRL 1.16, ``AsyncGRPOTrainer`` (how samples that are too old are dropped)

One rollout is one episode of an agent: turns of generation, and calls of tools between
them. A slot holds one rollout at a time. An update takes one batch of finished rollouts
and makes the next version of the policy, in no time. Rollouts that are older than
``max_staleness`` are discarded, as in TRL; AReaL's bound, eta, limits how many start.
A rollout keeps the version that began it; in both libraries, it gets new weights.
"""

import heapq
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int


class Rollout(NamedTuple):
    """An episode; ``lag`` updates came after its start, from policy ``version`` on."""

    slot: int
    start: float
    end: float
    version: int
    lag: int
    kept: bool


def draw_durations(count: int, rng: np.random.Generator) -> Float[np.ndarray, " count"]:
    """Durations of rollouts: a turn takes 1 to generate, and then a tool runs.

    The number of turns is geometric with mean 12, cut at 60. The time of the tool is
    log-normal with median 1 and sigma 1.2.
    """
    turns = rng.geometric(1 / 12, count).clip(1, 60)
    calls = rng.lognormal(0, 1.2, turns.sum())
    return turns + np.add.reduceat(calls, np.cumsum(turns) - turns)


def synchronous(durations: Float[np.ndarray, "updates slots"]) -> list[Rollout]:
    """All slots start together, and the update waits for the slowest.

    Raises
    ------
    ValueError
        If there is no rollout, or one whose duration is not positive and finite.

    Examples
    --------
    >>> runs = synchronous(np.array([[1.0, 4.0], [2.0, 3.0]]))
    >>> [(run.slot, run.start, run.end, run.version) for run in runs]
    [(0, 0.0, 1.0, 0), (1, 0.0, 4.0, 0), (0, 4.0, 6.0, 1), (1, 4.0, 7.0, 1)]
    """
    if not (durations.size and durations.min() > 0 and durations.max() < np.inf):
        raise ValueError(f"durations must be positive: {durations.tolist()}")
    starts = np.cumsum(durations.max(axis=1)) - durations.max(axis=1)
    return [
        Rollout(slot, start, start + float(duration), version, 0, True)
        for version, start in enumerate(starts.tolist())
        for slot, duration in enumerate(durations[version])
    ]


def asynchronous(
    durations: Iterable[float], slots: int, batch: int, updates: int, max_staleness: int
) -> list[Rollout]:
    """A free slot starts the next rollout at once. Finished rollouts, in order of end.

    A rollout is discarded if more than ``max_staleness`` updates were made since its
    start. When ``batch`` rollouts have been kept, the policy is updated.

    Raises
    ------
    ValueError
        If a count is below 1, the bound is negative, a duration is not positive and
        finite, or there are too few rollouts.

    Examples
    --------
    >>> durations = [1.0, 3.0, 1.0, 2.0, 1.0, 1.0]
    >>> runs = asynchronous(durations, slots=2, batch=2, updates=2, max_staleness=0)
    >>> [(run.slot, run.end) for run in runs]
    [(0, 1.0), (0, 2.0), (1, 3.0), (0, 4.0), (1, 4.0)]
    >>> [run.kept for run in runs]  # the third began before the first update
    [True, True, False, True, True]
    """
    if min(slots, batch, updates) < 1 or max_staleness < 0:
        raise ValueError(f"{slots=}, {batch=}, {updates=}, {max_staleness=}")
    stream, version, kept, finished = iter(durations), 0, 0, []
    running: list[tuple[float, int, float, int]] = []  # end, slot, start, version

    def begin(slot: int, now: float) -> None:
        duration = next(stream, 0.0)
        if not 0 < duration < np.inf:
            raise ValueError(f"rollout of {duration=}, after {len(finished)} finished")
        heapq.heappush(running, (now + duration, slot, now, version))

    for slot in range(slots):
        begin(slot, 0.0)
    while version < updates:
        end, slot, start, begun = heapq.heappop(running)
        fresh = version - begun <= max_staleness
        finished.append(Rollout(slot, start, end, begun, version - begun, fresh))
        kept += fresh
        version = kept // batch
        if version < updates:
            begin(slot, end)
    return finished


def utilization(rollouts: list[Rollout]) -> float:
    """Share of the slots' time that was spent on rollouts that were kept.

    Examples
    --------
    >>> utilization(synchronous(np.array([[1.0, 4.0], [2.0, 3.0]])))  # 10 of 2 * 7
    0.7142857142857143
    """
    slots = len({run.slot for run in rollouts})
    used = sum(run.end - run.start for run in rollouts if run.kept)
    return used / (slots * max(run.end for run in rollouts))


def batches(rollouts: list[Rollout], batch: int) -> Int[np.ndarray, "updates batch"]:
    """Lags of the kept rollouts, one row for each update."""
    lags = [run.lag for run in sorted(rollouts, key=lambda run: run.end) if run.kept]
    return np.reshape(lags[: len(lags) // batch * batch], (-1, batch))


def update_times(rollouts: list[Rollout], batch: int) -> Float[np.ndarray, " updates"]:
    """When each update was made."""
    return np.sort([run.end for run in rollouts if run.kept])[batch - 1 :: batch]


def prefilled_tokens(turns: int, base: int, increment: int) -> tuple[int, int]:
    """Tokens that an episode prefills: with no prefix cache, and with a perfect one.

    Examples
    --------
    >>> prefilled_tokens(turns=3, base=100, increment=10)  # 100 + 110 + 120, 100 + 20
    (330, 120)
    """
    if turns < 1 or base < 0 or increment < 0:
        raise ValueError(f"{turns=}, {base=}, {increment=}")
    contexts = [base + turn * increment for turn in range(turns)]
    return sum(contexts), contexts[-1]
