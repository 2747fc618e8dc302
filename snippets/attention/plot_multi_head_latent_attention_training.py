"""
A latent of a quarter of the size learns to recall
==================================================

Multi-head attention with 128 numbers per token and layer, grouped-query attention with
32, and multi-head latent attention with 28 latent and 4 rotated ones, trained alike,
three models each (:doc:`/attention/multi_head_latent_attention`).
"""

import matplotlib.pyplot as plt
import numpy as np
import torch

from snippets.attention.grouped_query_attention import GroupedQueryAttention
from snippets.attention.multi_head_latent_attention import MultiHeadLatentAttention
from snippets.attention.recall_task import Recaller, train

MARKS = range(0, 241, 40)
LATENT = dict(query_dim=48, latent_dim=28, nope_dim=16, rope_dim=4, value_dim=16)
KINDS = {
    "multi-head, 128 numbers": (GroupedQueryAttention, dict(kv_heads=8)),
    "grouped-query, 32 numbers": (GroupedQueryAttention, dict(kv_heads=2)),
    "latent, 32 numbers": (MultiHeadLatentAttention, LATENT),
}


def curve(kind: str, seed: int) -> tuple[list[float], int]:
    """Accuracy while training, and the weights of one attention layer."""
    attention, sizes = KINDS[kind]
    torch.manual_seed(seed)
    model = Recaller(attention, **sizes)
    weights = sum(weight.numel() for weight in model.mix[0].parameters())
    return train(model, MARKS, seed=seed, rate=4e-3), weights


fig, ax = plt.subplots()
ends, weights = {}, {}
for color, kind in enumerate(KINDS):
    runs, counts = zip(*(curve(kind, seed) for seed in range(3)), strict=True)
    runs, weights[kind] = np.array(runs), counts[0]
    ends[kind] = runs[:, -1]
    ax.plot(MARKS, runs.T, color=f"C{color}", alpha=0.4, lw=1)
    ax.plot(MARKS, runs.mean(axis=0), "o-", color=f"C{color}", label=kind)
    assert ends[kind].min() > 0.95
ax.axhline(1 / 8, color="0.5", ls=":")
ax.text(240, 1 / 8 + 0.01, "guessing", ha="right", va="bottom")
ax.legend(loc="upper left")
ax.set(xlabel="steps", ylabel="accuracy", ylim=(0, 1.05))
heads, grouped, latent = (scores.mean() for scores in ends.values())
fig.set_label(
    "Accuracy over 240 training steps, three models each. All are near 0.4 after "
    f"80 steps, then rise, to {heads:.2f} for multi-head, {grouped:.2f} for "
    f"grouped-query, and {latent:.2f} for latent attention on average."
)

measured = {"multi_head": heads, "grouped": grouped, "latent": latent}
counts = zip(("multi_head", "grouped", "latent"), weights.values(), strict=True)
measured |= {f"{kind}_weights": count for kind, count in counts}
