"""
Efficient attention: memory and multiplications of a prompt
===========================================================

For :doc:`/attention/efficient_attention`: one head reads a whole prompt in five ways,
and we count the peak memory and the multiplications.
"""

import matplotlib.pyplot as plt
import numpy as np
import torch
from torch.nn.functional import normalize

from snippets.attention.deltanet import (
    chunked_delta_rule,
    normalized_linear_attention,
)
from snippets.attention.efficient_attention import multiplications
from snippets.attention.flash_attention import flash_attention, naive_attention
from snippets.attention.sliding_window_attention import blockwise
from snippets.foundations.peak_memory import PeakMemory

torch.manual_seed(0)
LENGTHS = [256, 512, 1024, 2048]
COLORS = ["C0", "C1", "C3", "C2", "0.5"]


def variants(seq: int) -> dict:
    query, key, value = torch.randn(3, 1, 1, seq, 64)
    unit, beta = normalize(key, dim=-1), torch.rand(1, 1, seq)
    state = torch.zeros(1, 1, 64, 64)
    return {
        "multi-head": lambda: naive_attention(query, key, value, causal=True),
        "FlashAttention": lambda: flash_attention(query, key, value, causal=True),
        "sliding window": lambda: blockwise(query, key, value, window=128),
        "linear": lambda: normalized_linear_attention(query, key, value),
        "delta rule": lambda: chunked_delta_rule(query, unit, value, beta, state),
    }


# %%
# One head of 64 features, a window of 128, chunks of 64
# ------------------------------------------------------

costs = {name: [] for name in variants(1)}
with torch.no_grad():
    for seq in LENGTHS:
        runs = variants(seq)
        for name, run in runs.items():
            with PeakMemory() as memory:
                run()
            costs[name].append([memory.peak, multiplications(run)])
    error = (runs["FlashAttention"]() - runs["multi-head"]()).abs().max()

fig, axes = plt.subplots(2, figsize=(5.6, 6), sharex=True)
for color, (name, cost) in zip(COLORS, costs.items(), strict=True):
    peak, products = np.array(cost).T
    axes[0].plot(LENGTHS, peak / 2**20, "o-", color=color, label=name)
    axes[1].plot(LENGTHS, products / 1e6, "o-", color=color)
for ax in axes:
    ax.set(xscale="log", yscale="log")
    ax.set_xticks(LENGTHS, labels=LENGTHS)
    ax.minorticks_off()
axes[0].set(ylabel="peak memory (MiB)")
axes[1].set(ylabel="multiplications (millions)", xlabel="tokens of the prompt")
fig.legend(loc="outside upper center", ncols=3)

growth = {name: np.divide(cost[-1], cost[-2]) for name, cost in costs.items()}
texts = [f"{name} {m:.1f} and {p:.1f}" for name, (m, p) in growth.items()]
fig.set_label("From 1024 to 2048 tokens, memory and multiplications grow this many "
              "times: " + "; ".join(texts) + ".")  # fmt: skip
assert growth["multi-head"].min() > 3.5
assert growth["FlashAttention"][0] < 2.4
assert growth["FlashAttention"][1] > 3.3
assert max(growth[name].max() for name in list(costs)[2:]) < 2.2
pairs = {"naive": "multi-head", "flash": "FlashAttention", "linear": "linear"}
measured = {f"{key}_memory": growth[name][0] for key, name in pairs.items()}
measured |= {f"{key}_products": growth[name][1] for key, name in pairs.items()}
measured |= {"peak_ratio": costs["multi-head"][-1][0] / costs["FlashAttention"][-1][0]}
measured |= {"flash_error": error}
