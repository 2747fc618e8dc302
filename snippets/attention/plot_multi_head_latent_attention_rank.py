"""
Trained keys and values need few numbers
========================================

Two-layer models of :doc:`/attention/grouped_query_attention` learn to recall. Then the
128 key and value features of each layer are made from fewer numbers per token: from the
best directions, from random ones, or as means of heads with their norm restored. Three
models.
"""

import matplotlib.pyplot as plt
import numpy as np
import torch

from snippets.attention.grouped_query_attention import GroupedQueryAttention
from snippets.attention.recall_task import Recaller, train
from snippets.attention.reduced_keys_and_values import (
    accuracy_after,
    best_directions,
    means_of_heads,
    random_directions,
)

LATENTS, GROUPS = (2, 4, 8, 16, 32, 64), (1, 2, 4, 8)
best, pooled, drawn = [], [], []
for seed in range(3):
    torch.manual_seed(seed)
    model = Recaller(GroupedQueryAttention, kv_heads=8)
    train(model, [240], seed=seed, rate=4e-3)
    best.append([accuracy_after(best_directions(n), model) for n in LATENTS])
    pooled.append([accuracy_after(means_of_heads(n), model, n) for n in GROUPS])
    drawn.append([accuracy_after(random_directions(n), model) for n in LATENTS])
best, pooled, drawn = np.array(best), np.array(pooled), np.array(drawn)
assert best[:, 3:].min() > 0.9
assert pooled[:, 0].max() < 0.5
assert drawn[:, 3].max() < 0.75

fig, ax = plt.subplots()
across = [16 * n for n in GROUPS]  # a head keeps a key and a value of 8 features
for x, y, style, color, label in (
    (LATENTS, best, "o-", "C0", "latent, best directions"),
    (across, pooled, "s-", "C1", "means of heads"),
    (LATENTS, drawn, "^--", "0.5", "latent, random directions"),
):
    ax.plot(x, y.T, color=color, alpha=0.4, lw=1)
    ax.plot(x, y.mean(axis=0), style, color=color, label=label)
ax.set_xscale("log", base=2)
ax.set_xticks([2, 4, 8, 16, 32, 64, 128], labels=[2, 4, 8, 16, 32, 64, 128])
ax.set(xlabel="numbers per token and layer", ylabel="accuracy", ylim=(0, 1.05))
ax.legend(loc="lower right")
best_8, best_16 = best.mean(axis=0)[2:4]
means_1, means_2 = pooled.mean(axis=0)[:2]
random_16 = drawn.mean(axis=0)[3]
fig.set_label(
    "Accuracy over the numbers per token, from 2 to 128. With the best directions it "
    f"is {best_16:.2f} with 16 and {best_8:.2f} with 8; means of heads have "
    f"{means_2:.2f} with 32 and {means_1:.2f} with 16; random directions have "
    f"{random_16:.2f} with 16 and need all 64."
)
measured = {"best_16": best_16, "means_1": means_1, "random_16": random_16}
