"""Serving simulator: continuous batching on a cache that is too small for all.

Kwon et al. (2023), https://arxiv.org/abs/2309.06180, section 4.5;
Yu et al. (2022), Orca, OSDI (scheduling by iterations)

An iteration gives each running request one token. For requests that it admits, for the
first time or after a preemption, it also computes keys and values of all their tokens.
How long it lasts is told by the clock of ``server_costs``.
"""

import math
from collections import deque
from collections.abc import Callable, Container
from dataclasses import dataclass, field, replace

import numpy as np

from snippets.inference.cache_policies import Memory, Request
from snippets.inference.published_decoders import published
from snippets.inference.server_costs import A100, Server, Work

#: OPT-13B on the A100 with 40 GB, whose memory is slower than that with 80 GB.
OPT_13B = Server(
    model=published("OPT-13B"),
    device=replace(A100, bandwidth=1.555e12, memory=36e9),
)


def draw_requests(number: int, rate: float = math.inf, seed: int = 1) -> list[Request]:
    """Log-normal lengths from 4 to 1024 tokens, Poisson arrivals.

    Examples
    --------
    >>> requests = draw_requests(400)
    >>> sum(r.prompt for r in requests) / 400, sum(r.output for r in requests) / 400
    (150.695, 280.2275)
    """
    rng = np.random.default_rng(seed)
    prompts = rng.lognormal(math.log(110), 1.0, number)
    outputs = rng.lognormal(math.log(200), 0.9, number)
    gaps = np.random.default_rng(seed + 1).exponential(size=number)
    return [
        Request(arrival, *(min(max(int(length) + 1, 4), 1024) for length in lengths))
        for arrival, *lengths in zip(
            (gaps.cumsum() / rate).tolist(), prompts, outputs, strict=True
        )
    ]


class Scheduler:
    """First come, first served; the latest arrival gives way, with all it holds."""

    def __init__(self, requests: list[Request], memory: Memory) -> None:
        self.requests, self.memory = requests, memory
        names = sorted(range(len(requests)), key=lambda i: requests[i].arrival)
        self.waiting, self.running = deque(names), []  # both by arrival
        self.stored = [request.prompt for request in requests]
        self.final = [request.prompt + request.output for request in requests]
        self.preemptions = 0

    def admit(self, now: float) -> int:
        """Start requests that have arrived and fit; return the tokens to compute."""
        computed = 0
        while self.waiting and self.requests[self.waiting[0]].arrival <= now:
            name = self.waiting[0]
            tokens = self.stored[name]
            if not self.memory.admit(name, self.requests[name], tokens + 1):
                break
            self.running.append(self.waiting.popleft())
            computed += tokens
        return computed

    def decode(self, ready: Container[int] | None = None) -> int:
        """A token for each running request (in ``ready``), the oldest first."""
        position = gained = 0
        while position < len(self.running):
            name = self.running[position]
            tokens, room = self.stored[name] + 1, self.memory.room[name]
            if ready is not None and name not in ready:
                position += 1
            elif tokens <= room or self.memory.grow(name, tokens):
                self.stored[name] = tokens
                position += 1
                gained += 1
            else:
                self.preempt()
        return gained

    def preempt(self) -> None:
        """The latest arrival loses its blocks, keeps its tokens, and waits again."""
        name = self.running.pop()
        self.memory.release(name)
        self.waiting.appendleft(name)
        self.preemptions += 1

    def retire(self) -> list[int]:
        """Release the requests that have produced all of their output."""
        done = [i for i in self.running if self.stored[i] == self.final[i]]
        for name in done:
            self.running.remove(name)
            self.memory.release(name)
        return done

    def shares(self) -> tuple[float, float, float, float]:
        """Token state, reserved, unused to the end, and unowned, of the cache.

        Under the buddy allocator, unowned slots are those that round a request up to
        a power of two, and the gaps between requests.
        """
        size, rooms, final = self.memory.size, self.memory.room, self.final
        state = owned = unused = 0
        for name in self.running:
            room = rooms[name]
            state += self.stored[name]
            owned += room
            if room > final[name]:
                unused += room - final[name]
        reserved = owned - state - unused
        return state / size, reserved / size, unused / size, (size - owned) / size


@dataclass
class Run:
    """What a simulation saw, by request and by iteration."""

    requests: list[Request]
    finish: dict[int, float] = field(default_factory=dict)
    batch: list[int] = field(default_factory=list)
    shares: list[tuple[float, float, float, float]] = field(default_factory=list)
    computed: int = 0
    preemptions: int = 0

    @property
    def throughput(self) -> float:
        """Finished requests per second."""
        return len(self.finish) / max(self.finish.values())

    @property
    def normalized_latency(self) -> float:
        """Seconds from arrival to end, per token of output."""
        spans = ((self.finish[i], r) for i, r in enumerate(self.requests))
        return float(np.mean([(end - r.arrival) / r.output for end, r in spans]))

    @property
    def steady(self) -> slice:
        """The middle three fifths of iterations, neither filling nor emptying."""
        return slice(len(self.batch) // 5, 4 * len(self.batch) // 5)

    @property
    def mean_batch(self) -> float:
        """Running requests, in the steady part."""
        return float(np.mean(self.batch[self.steady]))

    @property
    def mean_shares(self) -> list[float]:
        """Shares of the cache, in the steady part; see ``Scheduler.shares``."""
        return np.mean(self.shares[self.steady], axis=0).tolist()


def simulate(
    requests: list[Request],
    memory: Memory,
    seconds: Callable[[Work], float] = OPT_13B.seconds,
) -> Run:
    """Serve all requests from an empty cache.

    Parameters
    ----------
    seconds
        How long an iteration lasts.

    Raises
    ------
    ValueError
        If a request does not fit although no other is running.

    Examples
    --------
    Three tokens of prompt and two of output, alone on a machine that takes one second,
    and a quarter of one for each token of a prompt:

    >>> from snippets.inference.cache_policies import Paged
    >>> def clock(work):
    ...     return 1 + work.prefilled / 4
    >>> simulate([Request(0.0, 3, 2)], Paged(64), clock).finish
    {0: 2.75}
    """
    scheduler, run, now = Scheduler(requests, memory), Run(requests), 0.0
    while scheduler.waiting or scheduler.running:
        if not scheduler.running:
            now = max(now, requests[scheduler.waiting[0]].arrival)
        decoded = len(scheduler.running)
        computed = scheduler.admit(now)
        if not scheduler.running:
            name = scheduler.waiting[0]
            raise ValueError(f"request {name} does not fit into an empty cache")
        keys = [scheduler.stored[name] for name in scheduler.running]
        pairs = sum(keys[:decoded]) + sum(n * (n + 1) / 2 for n in keys[decoded:])
        now += seconds(Work(decoded, computed, sum(keys), pairs))
        run.computed += computed
        scheduler.decode()
        run.batch.append(len(scheduler.running))
        run.shares.append(scheduler.shares())
        for name in scheduler.retire():
            run.finish[name] = now
    run.preemptions = scheduler.preemptions
    return run
