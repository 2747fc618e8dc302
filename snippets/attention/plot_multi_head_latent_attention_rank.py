"""
Keys and values from few numbers, after training and in training
================================================================

Two figures of :doc:`/attention/multi_head_latent_attention`. Two-layer models learn to
recall, three with each kind of attention. In those with multi-head attention, the 128
key and value features of each layer are then made from fewer numbers per token.
"""

import matplotlib.pyplot as plt
import numpy as np
import torch

from snippets.attention import reduced_keys_and_values as reduced
from snippets.attention.grouped_query_attention import GroupedQueryAttention
from snippets.attention.multi_head_latent_attention import MultiHeadLatentAttention
from snippets.attention.recall_task import Recaller, train

MARKS, LATENTS, GROUPS = range(0, 241, 40), (2, 4, 8, 16, 32, 64), (1, 2, 4, 8)
LATENT = dict(query_dim=48, latent_dim=28, nope_dim=16, rope_dim=4, value_dim=16)
KINDS = {
    "multi_head": ("multi-head, 128 numbers", GroupedQueryAttention, dict(kv_heads=8)),
    "grouped": ("grouped-query, 32 numbers", GroupedQueryAttention, dict(kv_heads=2)),
    "latent": ("latent, 32 numbers", MultiHeadLatentAttention, LATENT),
}
runs = {kind: np.zeros((3, len(MARKS))) for kind in KINDS}
measured, after = {}, reduced.accuracy_after
best, pooled, drawn = np.zeros((3, 6)), np.zeros((3, 4)), np.zeros((3, 6))
for kind, (_, attention, sizes) in KINDS.items():
    for seed in range(3):
        torch.manual_seed(seed)
        model = Recaller(attention, **sizes)
        measured[f"{kind}_weights"] = sum(w.numel() for w in model.mix[0].parameters())
        runs[kind][seed] = train(model, MARKS, seed=seed, rate=4e-3)
        if kind == "multi_head":
            best[seed] = [after(reduced.best_directions(n), model) for n in LATENTS]
            pooled[seed] = [after(reduced.means_of_heads(n), model, n) for n in GROUPS]
            drawn[seed] = [after(reduced.random_directions(n), model) for n in LATENTS]
assert drawn[:, 3].max() < 0.75 < 0.9 < best[:, 3:].min()
assert pooled[:, 0].max() < 0.5

fig, ax = plt.subplots()
for x, y, style, color, label in (
    (LATENTS, best, "o-", "C0", "latent, best directions"),
    ([16 * n for n in GROUPS], pooled, "s-", "C1", "means of heads"),
    (LATENTS, drawn, "^--", "0.5", "latent, random directions"),
):
    ax.plot(x, y.T, color=color, alpha=0.4, lw=1)
    ax.plot(x, y.mean(axis=0), style, color=color, label=label)
ax.set_xscale("log", base=2)
ax.set_xticks([2, 4, 8, 16, 32, 64, 128], labels=[2, 4, 8, 16, 32, 64, 128])
ax.set(xlabel="numbers per token and layer", ylabel="accuracy", ylim=(0, 1.05))
ax.legend(loc="lower right")
best_8, best_16 = best.mean(axis=0)[2:4]
(means_1, means_2), random_16 = pooled.mean(axis=0)[:2], drawn.mean(axis=0)[3]
fig.set_label(
    "Accuracy over the numbers per token, from 2 to 128. With the best directions it "
    f"is {best_16:.2f} with 16 and {best_8:.2f} with 8; means of heads have "
    f"{means_2:.2f} with 32 and {means_1:.2f} with 16; random directions have "
    f"{random_16:.2f} with 16 and need all 64."
)

# %% In training, with the latent in place
fig, ax = plt.subplots()
for color, (kind, y) in enumerate(runs.items()):
    ax.plot(MARKS, y.T, color=f"C{color}", alpha=0.4, lw=1)
    ax.plot(MARKS, y.mean(axis=0), "o-", color=f"C{color}", label=KINDS[kind][0])
    assert y[:, -1].min() > 0.95
ax.axhline(1 / 8, color="0.5", ls=":")
ax.text(240, 1 / 8 + 0.01, "guessing", ha="right", va="bottom")
ax.legend(loc="upper left")
ax.set(xlabel="steps", ylabel="accuracy", ylim=(0, 1.05))
measured |= {kind: y[:, -1].mean() for kind, y in runs.items()}
fig.set_label(
    "Accuracy over 240 training steps, three models each. All are near 0.4 after 80 "
    f"steps, then rise, to {measured['multi_head']:.2f} for multi-head, "
    f"{measured['grouped']:.2f} for grouped-query, and {measured['latent']:.2f} for "
    "latent attention on average."
)
measured |= {"best_16": best_16, "means_1": means_1, "random_16": random_16}
