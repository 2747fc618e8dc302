"""LLM serving: requests on a server that batches, chunks prompts, or has two halves.

Yu et al. (2022), Orca, OSDI (continuous batching); Agrawal et al. (2023),
https://arxiv.org/abs/2308.16369 (chunked prefill); Zhong et al. (2024),
https://arxiv.org/abs/2401.09670 (prefill and decoding on devices of their own)

An iteration is one pass through the layers. It adds a token to every request that is
decoded, and computes keys and values for all or a chunk of the prompts that entered.
"""

import math
from dataclasses import dataclass, field

import numpy as np

from snippets.inference.cache_policies import Memory, Paged, Request
from snippets.inference.server_costs import Server, Work
from snippets.inference.serving_simulator import Scheduler


class Pages(Paged):
    """Pages for at most ``max_num_seqs`` requests at a time."""

    def __init__(
        self, size: int, max_num_seqs: int = 256, **options: float | int
    ) -> None:
        super().__init__(size, **options)
        if max_num_seqs < 1:
            raise ValueError(f"{max_num_seqs} requests at a time")
        self.max_num_seqs = max_num_seqs

    def admit(self, name: int, request: Request, tokens: int) -> bool:
        return len(self.room) < self.max_num_seqs and super().admit(
            name, request, tokens
        )


@dataclass
class Served:
    """What requests and iterations saw; times in seconds."""

    requests: list[Request]
    first: dict[int, float] = field(default_factory=dict)
    finish: dict[int, float] = field(default_factory=dict)
    starts: list[float] = field(default_factory=list)  # of iterations
    seconds: list[float] = field(default_factory=list)
    works: list[Work] = field(default_factory=list)
    running: list[tuple[int, ...]] = field(default_factory=list)
    gained: list[int] = field(default_factory=list)  # tokens of output

    def note(self, now: float, work: Work, seconds: float, running: list[int]) -> None:
        self.starts.append(now)
        self.works.append(work)
        self.seconds.append(seconds)
        self.running.append(tuple(running))
        self.gained.append(0)

    def tokens_per_second(self) -> float:
        """Of output, from a quarter of all tokens to three quarters."""
        tokens = np.cumsum(self.gained)
        start, end = np.searchsorted(tokens, tokens[-1] * np.array([0.25, 0.75]))
        span = slice(start + 1, end + 1) if start < end else slice(None)
        return float(sum(self.gained[span]) / sum(self.seconds[span]))

    def to_first_token(self) -> np.ndarray:
        """Seconds from arrival to the first token."""
        return np.array(
            [self.first[i] - r.arrival for i, r in enumerate(self.requests)]
        )

    def per_token(self) -> np.ndarray:
        """Seconds per token after the first."""
        return np.array(
            [
                (self.finish[i] - self.first[i]) / max(r.output - 1, 1)
                for i, r in enumerate(self.requests)
            ]
        )

    def share_in_time(self, first: float, per_token: float) -> float:
        """Share of the requests whose both latencies keep within these limits."""
        good = (self.to_first_token() <= first) & (self.per_token() <= per_token)
        return float(good.mean())


def serve(
    requests: list[Request],
    server: Server,
    memory: Memory,
    *,
    token_budget: float | int = math.inf,
    static: bool = False,
    prefilled: bool = False,
) -> Served:
    """Serve all requests, first come, first served, from an empty cache.

    Parameters
    ----------
    token_budget
        Tokens that an iteration may process; decoding comes before prompts.
    static
        New requests wait until the whole batch has finished.
    prefilled
        The keys and values of prompts arrive with the requests.
    """
    if token_budget < 1:
        raise ValueError(f"{token_budget=}")
    scheduler, run = Scheduler(requests, memory), Served(requests)
    missing: dict[int, int] = {}  # tokens of a running request to be computed
    now = owed = 0.0
    while scheduler.waiting or scheduler.running:
        if not scheduler.running:
            now = max(now, requests[scheduler.waiting[0]].arrival)
        if not (static and scheduler.running):
            scheduler.admit(now)
        for name in scheduler.running:
            missing.setdefault(name, 0 if prefilled else scheduler.stored[name])
        ready, chunks = plan(scheduler, missing, token_budget)
        work = count(scheduler, missing, ready, chunks, server.guesses)
        run.note(now, work, server.seconds(work), scheduler.running)
        now += run.seconds[-1]
        for name, chunk in chunks.items():
            missing[name] -= chunk
        complete = ready | {name for name in chunks if not missing[name]}
        owed += server.tokens_per_round
        for turn in range(int(owed)):
            run.gained[-1] += scheduler.decode(ready if turn else complete)
            run.finish |= dict.fromkeys(scheduler.retire(), now)
        written = {n for n in complete if scheduler.stored[n] > requests[n].prompt}
        run.first = dict.fromkeys(written, now) | run.first
        owed %= 1
        missing = {name: missing[name] for name in scheduler.running}
    return run


def plan(
    scheduler: Scheduler, missing: dict[int, int], token_budget: float | int
) -> tuple[set[int], dict[int, int]]:
    """Who gets a token, and how many tokens of which prompts are computed."""
    ready = {name for name in scheduler.running if not missing[name]}
    left, chunks = token_budget - len(ready), {}
    for name in scheduler.running:
        if missing[name] and left > 0:
            chunks[name] = int(min(missing[name], left))
            left -= chunks[name]
    return ready, chunks


def count(
    scheduler: Scheduler,
    missing: dict[int, int],
    ready: set[int],
    chunks: dict[int, int],
    guesses: int,
) -> Work:
    """The work of an iteration; a chunk reads the keys of the chunks before it."""
    context = sum(scheduler.stored[name] for name in ready)
    pairs = float(context * (guesses + 1))
    for name, chunk in chunks.items():
        keys = scheduler.stored[name] - missing[name] + chunk
        context += keys
        pairs += chunk * (keys - (chunk - 1) / 2)
    return Work(len(ready), sum(chunks.values()), context, pairs)


def serve_disaggregated(requests: list[Request], server: Server) -> Served:
    """One server computes prompts, one by one; another decodes.

    The keys and values of each prompt cross the link in between.
    """
    prompts = [request._replace(output=1) for request in requests]
    front = serve(prompts, server, Pages(server.slots, max_num_seqs=1))
    moved = [
        Request(
            front.finish[name] + request.prompt * server.token_bytes / server.link,
            request.prompt + 1,
            request.output - 1,
        )
        for name, request in enumerate(requests)
    ]
    back = serve(moved, server, Pages(server.slots), prefilled=True)
    return Served(requests, first=front.first, finish=back.finish)
