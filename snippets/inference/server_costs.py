"""Costs of a server: how long one pass through the layers takes.

Pope et al. (2022), https://arxiv.org/abs/2211.05102

This is the clock of all pages on inference. Rates are those of data sheets times the
shares of them that kernels reach::

    MFU  model FLOPs utilization        -> ``mfu``, 40 to 60 % in a long pass
    MBU  model bandwidth utilization    -> ``mbu``, 70 to 85 %
    launch overhead                     -> ``launch``, seconds for each layer
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
from snippets.inference.model_parallelism import ring_bytes

UNPACKED_ROWS = 64  # tokens that one unpacking of a weight serves


@dataclass(frozen=True, kw_only=True)
class Device:
    """What a data sheet promises, and how much of it kernels reach.

    Parameters
    ----------
    peak, fp8_peak, general_peak
        Operations per second, in matrix units on numbers of 16 and of 8 bits, without
        sparsity, and outside of matrix units in FP32.
    bandwidth
        Bytes per second from the memory of the device.
    memory
        Bytes that weights and cache may fill, nine tenths of what there is.
    mfu, mbu
        Shares of the peaks and of the bandwidth that a pass reaches.
    launch
        Seconds per layer that kernels take to be launched. The default stands for ten
        kernels replayed from a CUDA graph; launched one by one, they take five times
        as long.

    Raises
    ------
    ValueError
        If a rate is not positive, or a share is above one.
    """

    peak: float
    fp8_peak: float
    general_peak: float
    bandwidth: float
    memory: float
    mfu: float = 0.5
    mbu: float = 0.8
    launch: float = 10e-6

    def __post_init__(self) -> None:
        for name in ("peak", "fp8_peak", "general_peak", "bandwidth", "mfu", "mbu"):
            rate = getattr(self, name)
            if not rate > 0 or (name in ("mfu", "mbu") and rate > 1):
                raise ValueError(f"{name}={rate}")


H100 = Device(
    peak=989e12, fp8_peak=1979e12, general_peak=67e12, bandwidth=3.35e12, memory=72e9
)
# An A100 has no units for FP8: numbers of 8 bits are widened before the product.
A100 = Device(
    peak=312e12, fp8_peak=312e12, general_peak=19.5e12, bandwidth=2.04e12, memory=72e9
)

LLAMA3_8B = Decoder(
    layers=32,
    d_model=4096,
    heads=32,
    kv_heads=8,
    head_dim=128,
    d_ff=14336,
    vocab=128256,
)


class Work(NamedTuple):
    """What one iteration has to do."""

    decoded: int  # requests that get a token
    prefilled: int  # tokens of prompts
    context: int  # keys that are read, of all requests
    pairs: float  # of a query and a key that it meets


@dataclass(frozen=True, kw_only=True)
class Server:
    """One model on ``ranks`` devices.

    Parameters
    ----------
    link
        Bytes per second to another device.
    latency
        Seconds before the first byte of an all-reduce arrives.
    fp8
        The matrix units multiply numbers of 8 bits.
    weight_bytes, cache_itemsize, unpacking
        Bytes of a stored weight and of a cached number, and operations until a weight
        can be multiplied.
    guesses, acceptance, draft
        Tokens guessed per round, the chance that one is right if those before it
        are, and the cost of the guessing model as a share of this one.

    Raises
    ------
    ValueError
        If a rate is not positive, or the ranks cannot share the key heads.
    """

    model: Decoder
    device: Device = H100
    ranks: int = 1
    link: float = 450e9
    latency: float = 10e-6
    fp8: bool = False
    weight_bytes: float = 2.0
    cache_itemsize: int = 2
    unpacking: float = 0.0
    guesses: int = 0
    acceptance: float = 0.0
    draft: float = 0.0

    def __post_init__(self) -> None:
        if not self.link > 0:
            raise ValueError(f"link={self.link}")
        if self.ranks < 1 or self.model.kv_heads % self.ranks:
            heads = self.model.kv_heads
            raise ValueError(f"{self.ranks} ranks cannot share {heads} key heads")

    @property
    def token_bytes(self) -> int:
        """Bytes of keys and values that a token leaves, on all ranks together."""
        model, itemsize = self.model, self.cache_itemsize
        return cache_bytes(model.layers, model.kv_heads, model.head_dim, 1, itemsize)

    @property
    def slots(self) -> int:
        """Tokens whose keys and values fit beside the weights."""
        weights = parameters(self.model) * self.weight_bytes
        return int((self.ranks * self.device.memory - weights) // self.token_bytes)

    @property
    def tokens_per_round(self) -> float:
        """Tokens that a decoded request gains by an iteration, on average."""
        return sum(self.acceptance**n for n in range(self.guesses + 1))

    def seconds(self, work: Work) -> float:
        """Arithmetic hides behind reading, or the reverse; the rest does not hide."""
        parts = costs(self, work)
        hidden = min(parts["arithmetic"], parts["memory"])
        return sum(parts.values()) - hidden


def touched_experts(experts: int, top_k: int, tokens: int) -> float:
    """Experts of a layer that some of ``tokens`` visit, if all are equally popular.

    Examples
    --------
    One token visits its own, many visit all:

    >>> [round(touched_experts(128, 8, tokens), 1) for tokens in (1, 16, 256)]
    [8.0, 82.4, 128.0]
    """
    return experts * (1 - (1 - top_k / experts) ** tokens)


def costs(server: Server, work: Work) -> dict[str, float]:
    """Seconds that arithmetic, memory, links and launches would take, each alone."""
    model, device = server.model, server.device
    weights = matrix_parameters(model, model.top_k)
    tokens = work.prefilled + work.decoded * (server.guesses + 1)
    drafting = server.guesses * server.draft if work.decoded else 0.0
    products = 2 * weights * (tokens + drafting * work.decoded)
    products += 4 * model.layers * model.heads * model.head_dim * work.pairs
    unpacked = server.unpacking * weights * math.ceil(tokens / UNPACKED_ROWS)
    peak = device.fp8_peak if server.fp8 else device.peak
    arithmetic = products / peak + unpacked / device.general_peak
    touched = touched_experts(model.experts, model.top_k, tokens)
    read = matrix_parameters(model, touched) * server.weight_bytes
    read += weights * server.weight_bytes * drafting
    read += server.token_bytes * work.context
    sums = 2 * model.layers * (server.ranks > 1)
    sent = ring_bytes(2 * model.d_model * tokens, server.ranks)
    return {
        "arithmetic": arithmetic / device.mfu / server.ranks,
        "memory": read / device.bandwidth / device.mbu / server.ranks,
        "links": sums * (server.latency + sent / server.link),
        "launch": model.layers * device.launch * (1 + drafting),
    }
