"""
KV cache: operations and time of a pass, without and with it
============================================================

A decoder of 0.9 million parameters (random weights) writes 224 tokens after a prompt of
8, three times each way. Times are CPU times on one thread, the median of three runs:
lines are the median of 16 neighboring passes, bands reach from the 10th to the 90th
percentile.
"""

import matplotlib.pyplot as plt
import numpy as np
import torch

from snippets.foundations.resource_accounting import Decoder
from snippets.inference.kv_cache import KVCache
from snippets.inference.timed_passes import timed_passes
from snippets.inference.tiny_decoder import TinyDecoder

torch.set_num_threads(1)
torch.manual_seed(11)
PROMPT, NEW = 8, 224
sizes = Decoder(
    layers=4, d_model=128, heads=4, kv_heads=2, head_dim=32, d_ff=352, vocab=256
)
model, prompt = TinyDecoder(sizes), torch.randint(256, (1, PROMPT))

caches = [KVCache(sizes, batch=1, capacity=PROMPT + NEW - 1) for _ in range(3)]
runs = [timed_passes(model, prompt, NEW, cache) for cache in caches]
plain = [timed_passes(model, prompt, NEW, None) for _ in range(3)]
(tokens, _, many), (_, _, few) = plain[0], runs[0]
slow, quick = (np.median([t for _, t, _ in each], axis=0) for each in (plain, runs))
ratios = [sum(long) / sum(short) for _, long, _ in plain for _, short, _ in runs]

with torch.no_grad():
    best, second = model.lm_head(model(tokens))[0, 7:-1].topk(2, dim=-1).values.T
assert (best - second).min() > 1e-3  # no choice depends on rounding
assert all(torch.equal(tokens, others) for others, _, _ in runs + plain)
assert tokens.unique().numel() > 50
growth, growth_cached = (flops[-1] / flops[24] for flops in (many, few))
assert sum(many) > 100 * sum(few)

fig, (top, low) = plt.subplots(2, sharex=True, figsize=(6.2, 5))
length = np.arange(PROMPT, PROMPT + NEW)
for color, name, times, flops in [
    ("C1", "without a cache", slow, many),
    ("C0", "with a cache", quick, few),
]:
    top.plot(length[1:], np.array(flops[1:]) / 1e6, color=color, label=name)
    groups, centers = 1e3 * np.reshape(times, (-1, 16)), length[8::16]
    p10, middle, p90 = np.percentile(groups, [10, 50, 90], axis=1)
    low.plot(centers, middle, color=color)
    low.fill_between(centers, p10, p90, color=color, alpha=0.3)
top.legend()
top.set(ylabel="operations (millions)", yscale="log")
low.set(xlabel="tokens so far", ylabel="CPU time of a pass (ms)", yscale="log")
fig.set_label(
    "Two panels over the tokens so far, logarithmic. Operations of a pass: without a "
    f"cache they rise from {many[1] / 1e6:.0f} to {many[-1] / 1e6:.0f} million, with a "
    f"cache they stay near {few[-1] / 1e6:.0f} million. CPU time: rising without a "
    "cache, nearly level with a cache, and lower."
)

measured = {
    "work": sum(many) / sum(few),
    "growth": growth,
    "growth_cached": growth_cached,
    "time_least": min(ratios),
    "time_most": max(ratios),
}
