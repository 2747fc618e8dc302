"""
Kernel optimization: attention in three kernels and in one
==========================================================

One head of 64 features, tiles of 64. Words are counted as the kernels load and store
them in Triton's interpreter.
"""

import matplotlib.pyplot as plt
import numpy as np
import torch

from snippets.attention.flash_attention_kernel import (
    flash_attention_kernel,
    numbers_moved,
)
from snippets.inference.triton_kernels import matmul, softmax

torch.manual_seed(0)

features, lengths = 64, (64, 128, 256)
tiles = {"row_tile": 64, "column_tile": 64, "inner_tile": 64}
parts = {"scores": [], "softmax": [], "mix": [], "one kernel": []}


def counted(name: str, run, *inputs, **options):
    results = []
    moved = numbers_moved(lambda: results.append(run(*inputs, **options)))
    parts[name].append(moved / seq)
    return results[0]


for seq in lengths:
    query, key, value = heads = torch.randn(3, 1, 1, seq, features)
    q, k, v = query[0, 0] / features**0.5, key[0, 0], value[0, 0]
    scores = counted("scores", matmul, q, k.T, **tiles)
    weights = counted("softmax", softmax, scores)
    mixed = counted("mix", matmul, weights, v, **tiles)
    fused_out, _ = counted("one kernel", flash_attention_kernel, *heads, kv_tile=64)
    assert (fused_out[0, 0] - mixed).abs().max() < 1e-5
fig, ax = plt.subplots()
place, bottom = np.arange(len(lengths)), np.zeros(len(lengths))
for color, (name, found) in enumerate(parts.items()):
    alone = name == "one kernel"
    start, shift = (0, 0.2) if alone else (bottom, -0.2)
    ax.bar(place + shift, found, 0.36, start, color=f"C{color}", label=name)
    bottom = bottom if alone else bottom + found
ax.set_xticks(place, lengths)
ax.set(xlabel="tokens", ylabel="words moved per query")
ax.legend()
fig.set_label(
    "A stacked bar of words moved per query by three kernels, scores, softmax and mix, "
    "beside a bar of the single kernel. "
    + ", ".join(
        f"{seq} tokens: {three:.0f} and {one:.0f}"
        for seq, three, one in zip(lengths, bottom, parts["one kernel"], strict=True)
    )
    + "."
)
three_over_one = bottom / parts["one kernel"]
assert np.all(np.diff(three_over_one) > 0)

measured = {"three_over_one": three_over_one[-1]}
