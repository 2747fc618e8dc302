"""
KV cache: what is computed once, what it saves, how many users fit
==================================================================

Figures for :doc:`/inference/kv_cache`: which keys and values a step computes, what a
step costs with and without the cache, and how many tokens published models can keep.
"""

from time import process_time

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.animation import FuncAnimation
from torch.utils.flop_counter import FlopCounterMode

from snippets.foundations.resource_accounting import Decoder
from snippets.inference.kv_cache import (
    KVCache,
    bytes_per_token,
    bytes_split_by_batch,
    bytes_split_by_heads,
    generate,
    step_flops,
    tokens_that_fit,
)
from snippets.inference.tiny_decoder import TinyDecoder

torch.set_num_threads(1)

# %%
# Who computes what
# -----------------
# A row is a step, a cell the key and the value of a token. Orange is computed in this
# step, blue is read.

STEPS = 10
names = ["without a cache", "with a cache"]
fig, axes = plt.subplots(1, 2, figsize=(6.2, 3.5), sharey=True)
fig.set_label(
    "Animation of two triangles that grow row by row. Without a cache all cells of a "
    "row are orange, 55 after ten steps; with a cache only the last cell of a row "
    "is orange, 10 in all, and the others are blue."
)


def draw(steps: int) -> None:
    for ax, name in zip(axes, names, strict=True):
        ax.clear()
        cached = name == "with a cache"
        row, token = np.tril_indices(steps)
        read = (token < row) & cached
        ax.plot(token[~read], row[~read], "s", color="C1", ms=13)
        ax.plot(token[read], row[read], "s", color="C0", ms=13)
        computed = steps if cached else steps * (steps + 1) // 2
        ax.set(xlim=(-0.6, STEPS - 0.4), ylim=(STEPS - 0.4, -0.6), xlabel="token")
        ax.set(xticks=range(0, STEPS, 2), yticks=range(0, STEPS, 2))
        ax.set_title(f"{name}: {computed} computed", fontsize=10)
    axes[0].set(ylabel="step")


animation = FuncAnimation(fig, draw, [*range(1, STEPS + 1), STEPS, STEPS], interval=500)

# %%
# What a step costs
# -----------------
# A decoder of 0.9 million parameters writes 224 tokens after a prompt of 8. Operations
# are counted by PyTorch; times are medians of 16 neighboring steps and the range
# between the first and the ninth tenth.

sizes = Decoder(
    layers=4, d_model=128, heads=4, kv_heads=2, head_dim=32, d_ff=352, vocab=256
)
torch.manual_seed(11)
model, prompt = TinyDecoder(sizes), torch.randint(256, (1, 8))


@torch.no_grad()
def timed(new: int, cache: KVCache | None) -> tuple[torch.Tensor, list[float]]:
    tokens, times = prompt, []
    for _ in range(new):
        unseen = tokens if cache is None else tokens[:, cache.length :]
        start = process_time()
        best = model.logits(unseen, cache).argmax(dim=-1, keepdim=True)
        times.append(process_time() - start)
        tokens = torch.cat([tokens, best], dim=1)
    return tokens, times


def counted(fed: int, context: int) -> int:
    cache = KVCache(sizes, batch=1, capacity=context)
    cache.length = context - fed
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model.logits(prompt[:, :1].expand(1, fed), cache)
    return counter.get_total_flops()


caches = [KVCache(sizes, batch=1, capacity=231) for _ in range(3)]
runs = [timed(224, cache) for cache in caches]
tokens, slow = timed(224, None)
quick = np.median([times for _, times in runs], axis=0)
ratios = [sum(slow) / sum(times) for _, times in runs]

with torch.no_grad():
    best, second = model.head(model(tokens))[0, 7:-1].topk(2, dim=-1).values.T
assert (best - second).min() > 1e-3  # no token depends on rounding
assert all(torch.equal(tokens, others) for others, _ in runs)
assert torch.equal(tokens, generate(model, prompt, 224))
assert tokens.unique().numel() > 50
assert caches[0].nbytes == 231 * bytes_per_token(sizes, itemsize=4)

context = np.arange(8, 232)
costs = {
    "without a cache": (slow, [step_flops(sizes, n, n) for n in context.tolist()]),
    "with a cache": (quick, [step_flops(sizes, 1, n) for n in context.tolist()]),
}
for n in (8, 100, 231):
    assert counted(n, n) == step_flops(sizes, n, n)
    assert counted(1, n) == step_flops(sizes, 1, n)
costs["with a cache"][1][0] = step_flops(sizes, 8, 8)  # the prompt
work = sum(costs["without a cache"][1]) / sum(costs["with a cache"][1])
growth = [flops[-1] / flops[24] for _, flops in costs.values()]
assert work > 100

fig, (top, low) = plt.subplots(2, sharex=True, figsize=(6.2, 5))
for color, (name, (times, flops)) in zip(("C1", "C0"), costs.items(), strict=True):
    top.plot(context[1:], np.array(flops[1:]) / 1e6, color=color, label=name)
    groups = 1e3 * np.reshape(times, (-1, 16))
    first, middle, ninth = np.percentile(groups, [10, 50, 90], axis=1)
    centers = context.reshape(-1, 16).mean(axis=1)
    low.plot(centers, middle, color=color)
    low.fill_between(centers, first, ninth, color=color, alpha=0.3)
top.legend()
top.set(ylabel="operations (millions)", yscale="log")
low.set(xlabel="tokens so far", ylabel="CPU time of a step (ms)", yscale="log")
fig.set_label(
    "Two panels over the tokens so far, logarithmic. Operations: without a cache they "
    "rise more than thirty-fold, with a cache they stay near two million. CPU times: "
    "without a cache rising, with a cache nearly level and below."
)

# %%
# How many tokens fit
# -------------------
# On a device with 80 GB of which nine tenths are usable, beside weights in 16 bits.

old = {"gated": False, "biases": True, "tied": True, "positions": 2050}
published = {
    "OPT-13B": (40, 5120, 40, 40, 128, 20480, 50272, old),
    "Llama 2 13B": (40, 5120, 40, 40, 128, 13824, 32000, {}),
    "Llama 2 7B": (32, 4096, 32, 32, 128, 11008, 32000, {}),
    "Llama 3 8B": (32, 4096, 32, 8, 128, 14336, 128256, {}),
    "Mistral 7B": (32, 4096, 32, 8, 128, 14336, 32000, {}),
    "Falcon 7B": (32, 4544, 71, 1, 64, 18176, 65024, {"gated": False, "tied": True}),
}
fields = "layers", "d_model", "heads", "kv_heads", "head_dim", "d_ff", "vocab"
models = {
    name: Decoder(**dict(zip(fields, numbers, strict=True)), **others)
    for name, (*numbers, others) in published.items()
}
fit = {name: tokens_that_fit(sizes, 80e9) for name, sizes in models.items()}

fig, ax = plt.subplots(figsize=(6.2, 3))
kinds = {1: "C2", 8: "C1"}
colors = [kinds.get(sizes.kv_heads, "C0") for sizes in models.values()]
bars = ax.barh(list(fit), list(fit.values()), color=colors)
ax.bar_label(bars, [f"{count // 2048:,} users" for count in fit.values()], padding=3)
ax.set(xscale="log", xlim=(1e4, 1e8), xlabel="tokens that fit on 80 GB")
ax.invert_yaxis()
fig.set_label(
    "Bars of the tokens that fit, logarithmic: about 56 thousand for OPT-13B, 112 "
    "thousand for Llama 2 7B, 427 thousand for Llama 3 8B, 7 million for Falcon 7B."
)

palm = dict(layers=118, d_model=18432, d_ff=73728, vocab=256000)
multi = Decoder(**palm, heads=64, kv_heads=64, head_dim=128)  # 16 of them padding
single = Decoder(**palm, heads=48, kv_heads=1, head_dim=256)
share = 0.3 * 32 * 2**30  # of each of 64 devices
layouts = {
    "heads": bytes_split_by_heads(multi, 128, 64),
    "copies": bytes_split_by_heads(single, 128, 64),
    "batch": bytes_split_by_batch(single, 128, 64),
}
opt = bytes_per_token(models["OPT-13B"])

measured = {
    "work": work,
    "growth": growth[0],
    "growth_cached": growth[1],
    "time_least": min(ratios),
    "time_most": max(ratios),
    "opt_token": opt / 1e3,
    "opt_request": 2048 * opt / 1e9,
    "palm_terabytes": 512 * 2048 * 48 * bytes_per_token(multi) / 64 / 1e12,
    **{f"palm_{name}": share // size for name, size in layouts.items()},
    "palm_gain": layouts["heads"] / layouts["batch"],
}
