"""Greedy decoding whose passes are timed and counted.

Axes::

    batch  independent texts
    seq    tokens of a text, the prompt first
"""

from time import process_time
from typing import NamedTuple

import torch
from jaxtyping import Int
from torch import Tensor

from snippets.inference.kv_cache import KVCache, step_flops
from snippets.inference.tiny_decoder import TinyDecoder


class Passes(NamedTuple):
    """The text, and the CPU seconds and operations of each pass."""

    tokens: Int[Tensor, "batch seq"]
    seconds: list[float]
    operations: list[int]


@torch.no_grad()
def timed_passes(
    model: TinyDecoder,
    prompt: Int[Tensor, "batch prompt"],
    new: int,
    cache: KVCache | None,
) -> Passes:
    """Append ``new`` tokens; without a cache, each pass reads the whole text."""
    tokens, seconds, operations = prompt, [], []
    for _ in range(new):
        uncached = tokens if cache is None else tokens[:, cache.length :]
        operations.append(step_flops(model.sizes, uncached.shape[1], tokens.shape[1]))
        start = process_time()
        best = model.logits(uncached, cache).argmax(dim=-1, keepdim=True)
        seconds.append(process_time() - start)
        tokens = torch.cat([tokens, best], dim=1)
    return Passes(tokens, seconds, operations)
