"""Costs of a server: how long one pass through the layers takes.

Pope et al. (2022), https://arxiv.org/abs/2211.05102
"""

import math
from dataclasses import dataclass
from typing import NamedTuple

from snippets.attention.grouped_query_attention import cache_bytes
from snippets.foundations.resource_accounting import (
    Decoder,
    matrix_parameters,
    parameters,
)
from snippets.inference.model_parallel import ring_bytes

UNPACKED_ROWS = 64  # tokens that one unpacking of a weight serves


class Work(NamedTuple):
    """What one iteration has to do."""

    decoded: int  # requests that get a token
    prefilled: int  # tokens of prompts
    context: int  # keys that are read, of all requests
    pairs: float  # of a query and a key that it meets


@dataclass(frozen=True, kw_only=True)
class Server:
    """One model on ``ranks`` devices; by default of the speed of an H100.

    Parameters
    ----------
    peak, general_peak
        Operations per second of a device, in matrix units and outside of them.
    bandwidth, link
        Bytes per second from the memory of a device, and to another device.
    latency
        Seconds before the first byte of an all-reduce arrives.
    memory
        Bytes of a device that weights and cache may fill.
    weight_bytes, unpacking
        Bytes of a stored weight, and operations until it can be multiplied.
    guesses, acceptance, draft
        Tokens guessed per round, the chance that one is right if those before it
        are, and the cost of the guessing model as a share of this one.

    Raises
    ------
    ValueError
        If a rate is not positive, or the ranks cannot share the key heads.
    """

    model: Decoder
    ranks: int = 1
    peak: float = 989e12
    general_peak: float = 67e12
    bandwidth: float = 3.35e12
    link: float = 450e9
    latency: float = 10e-6
    memory: float = 72e9
    weight_bytes: float = 2.0
    unpacking: float = 0.0
    guesses: int = 0
    acceptance: float = 0.0
    draft: float = 0.0

    def __post_init__(self) -> None:
        for name in ("peak", "general_peak", "bandwidth", "link"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name}={getattr(self, name)}")
        if self.ranks < 1 or self.model.kv_heads % self.ranks:
            heads = self.model.kv_heads
            raise ValueError(f"{self.ranks} ranks cannot share {heads} key heads")

    @property
    def token_bytes(self) -> int:
        """Bytes of keys and values that a token leaves, on all ranks together."""
        model = self.model
        return cache_bytes(model.layers, model.kv_heads, model.head_dim, tokens=1)

    @property
    def slots(self) -> int:
        """Tokens whose keys and values fit beside the weights."""
        weights = parameters(self.model) * self.weight_bytes
        return int((self.ranks * self.memory - weights) // self.token_bytes)

    @property
    def tokens_per_round(self) -> float:
        """Tokens that a decoded request gains by an iteration, on average."""
        return sum(self.acceptance**n for n in range(self.guesses + 1))

    def seconds(self, work: Work) -> float:
        """Arithmetic hides behind reading, or the reverse; messages do not hide."""
        parts = costs(self, work)
        return max(parts["arithmetic"], parts["memory"]) + parts["links"]


def costs(server: Server, work: Work) -> dict[str, float]:
    """Seconds that arithmetic, memory and links would take, each on its own."""
    model, weights = server.model, matrix_parameters(server.model, server.model.top_k)
    tokens = work.prefilled + work.decoded * (server.guesses + 1)
    drafting = server.guesses * server.draft if work.decoded else 0.0
    products = 2 * weights * (tokens + drafting * work.decoded)
    products += 4 * model.layers * model.heads * model.head_dim * work.pairs
    unpacked = server.unpacking * weights * math.ceil(tokens / UNPACKED_ROWS)
    arithmetic = products / server.peak + unpacked / server.general_peak
    read = weights * server.weight_bytes * (1 + drafting)
    read += server.token_bytes * work.context
    sums = 2 * model.layers * (server.ranks > 1)
    sent = ring_bytes(2 * model.d_model * tokens, server.ranks)
    return {
        "arithmetic": arithmetic / server.ranks,
        "memory": read / server.bandwidth / server.ranks,
        "links": sums * (server.latency + sent / server.link),
    }
