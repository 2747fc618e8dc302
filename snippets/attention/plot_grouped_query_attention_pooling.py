"""
Grouped-query attention: mean of the heads, or one of them?
===========================================================

For :doc:`/attention/grouped_query_attention`: three trained models are converted to a
single key/value head in several ways and trained for 5 % of the original steps. The
mean of the heads is better than a new head, and worse than the best single head until
its norm is restored.
"""

import matplotlib.pyplot as plt
import numpy as np
import torch

from snippets.attention.grouped_query_attention import pool_heads
from snippets.attention.head_conversion import (
    HEADS,
    RATE,
    convert,
    keep_head,
    pool_and_rescale,
    trained_model,
)
from snippets.attention.recall_task import train

# %%
# Eleven conversions of each model
# --------------------------------
# Each of the eight heads is kept in turn; then the mean, the rescaled mean, and a new
# random head.

ways = {"rescaled mean": pool_and_rescale, "mean": pool_heads, "new head": None}
kept, others, norms = [], {name: [] for name in ways}, []
for seed in range(3):
    trained, _ = trained_model(seed)

    def uptrained(pool, trained=trained, seed=seed):
        torch.manual_seed(seed)
        model = convert(trained, 1, pool)
        return train(model, [16], seed=seed + 50, rate=RATE)[0]

    kept.append([uptrained(keep_head(head)) for head in range(HEADS)])
    for name, pool in ways.items():
        others[name].append(uptrained(pool))
    for layer in trained.mix:
        heads = layer.key.weight.unflatten(0, (HEADS, -1))
        norms.append(heads.mean(0).norm() / heads.norm(dim=(1, 2)).mean())

kept_mean = np.mean(kept)
level = {name: np.mean(scores) for name, scores in others.items()}
assert level["new head"] + 0.02 < level["mean"] < kept_mean - 0.03
assert level["rescaled mean"] > max(level["mean"] + 0.08, kept_mean + 0.03)
assert 0.3 < min(norms) <= max(norms) < 0.42

fig, ax = plt.subplots()
for seed in range(3):
    ax.plot(kept[seed], np.arange(HEADS) * 0.1 - 0.35, "o", color=f"C{seed}")
    for row, name in enumerate(ways, start=1):
        ax.plot(others[name][seed], row, "o", color=f"C{seed}")
for row, value in enumerate([kept_mean, *level.values()]):
    ax.plot([value, value], [row - 0.4, row + 0.4], color="0.5")
ax.axvline(1 / 8, color="0.5", ls=":")
ax.set_yticks(range(4), labels=["one of the heads", *ways])
ax.set(xlabel="accuracy after 5 % more training", xlim=(0, 1))
fig.set_label(
    "Dots of accuracy after four kinds of conversion to one head, three models each, "
    f"with a line at the mean: one of the heads {kept_mean:.2f}, from "
    f"{np.min(kept):.2f} to {np.max(kept):.2f}; rescaled mean "
    f"{level['rescaled mean']:.2f}; mean {level['mean']:.2f}; new head "
    f"{level['new head']:.2f}. Guessing is at 0.125."
)
measured = {
    "mean_1": level["mean"],
    "random_1": level["new head"],
    "rescaled_1": level["rescaled mean"],
    "kept_1": kept_mean,
    "kept_worst": np.min(kept),
    "kept_best": np.max(kept),
    "norm": np.mean([norm.item() for norm in norms]),
}
