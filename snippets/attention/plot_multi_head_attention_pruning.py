"""
Multi-head attention: half of the heads can be pruned
=====================================================

For :doc:`/attention/multi_head_attention`: three models with 16 heads are trained, then
heads are removed without further training. Which heads are removed matters.
"""

import matplotlib.pyplot as plt
import numpy as np
import torch

from snippets.attention.earlier_symbols_task import (
    NamingModel,
    both_right,
    logits_by_head,
    train,
)

# %%
# Remove the head that is missed least
# ------------------------------------
# A head is removed by leaving out its term of the logits. Greedy pruning removes the
# head whose removal leaves the highest accuracy; the baseline is a random order.

HEADS = 16


@torch.no_grad()
def prune(terms, bias, choose):
    """Accuracy with 16 heads, 15, ..., 1; ``choose`` picks the next to remove."""

    def score(heads):
        return both_right(terms[:, list(heads)].sum(1) + bias)

    kept = set(range(HEADS))
    scores = [score(kept)]
    while len(kept) > 1:
        kept.remove(choose(kept, score))
        scores.append(score(kept))
    return scores


def least_missed(kept, score):
    return max(kept, key=lambda head: score(kept - {head}))


random = np.random.default_rng(0)
greedy, by_chance = [], []
for seed in range(3):
    torch.manual_seed(seed)
    model = NamingModel(HEADS)
    train(model, [200], rate=2e-2)
    terms, bias = logits_by_head(model)
    greedy.append(prune(terms, bias, least_missed))
    for _ in range(4):
        by_chance.append(prune(terms, bias, lambda kept, _: random.choice([*kept])))
mean, mean_by_chance = np.mean(greedy, axis=0), np.mean(by_chance, axis=0)
assert mean[8] > max(0.9, mean_by_chance[8] + 0.1)
assert mean[-1] < 0.2

counts = range(HEADS, 0, -1)
fig, ax = plt.subplots()
ax.plot(counts, np.transpose(greedy), color="C0", alpha=0.4, lw=1)
ax.plot(counts, mean, "o-", color="C0", label="greedy")
ax.plot(counts, mean_by_chance, "s--", color="C1", label="random order")
ax.invert_xaxis()
ax.set(xlabel="remaining heads", ylabel="both answers right", ylim=(0, 1.05))
ax.legend(loc="lower left")
fig.set_label(
    "Accuracy over the remaining heads, from 16 to 1, without further training. Greedy "
    f"pruning leaves {mean[8]:.2f} with 8 heads, {mean[12]:.2f} with 4 and "
    f"{mean[-1]:.2f} with 1. In a random order, 8 heads leave {mean_by_chance[8]:.2f}."
)
measured = {
    "all": mean[0],
    "half": mean[8],
    "half_by_chance": mean_by_chance[8],
    "last": mean[-1],
}
