"""
Balanced experts drop fewer tokens
==================================

A figure of :doc:`/transformers/mixture_of_experts`. The share of visits that find no
place, for several capacity factors, in mixtures trained without balancing and with a
bias.
"""

import matplotlib.pyplot as plt
import torch

from snippets.transformers.cluster_mixtures import TOKENS, Rule, train
from snippets.transformers.mixture_of_experts import expert_capacity, within_capacity

seeds, factors = [0, 1, 2], [1.0, 1.25, 1.5, 2.0, 2.5]
trained = train([Rule(), Rule(rate=0.003)], seeds)
batches = trained.index.view(2, len(seeds), -1, TOKENS, 2)
dropped = torch.zeros(len(factors), 2, len(seeds))
for i, factor in enumerate(factors):
    capacity = expert_capacity(TOKENS, experts=8, top_k=2, factor=factor)
    for rule in range(2):
        for seed in range(len(seeds)):
            kept = [
                within_capacity(index, 8, capacity) for index in batches[rule, seed]
            ]
            dropped[i, rule, seed] = 1 - torch.stack(kept).double().mean()

fig, ax = plt.subplots(figsize=(6, 2.8), layout="constrained")
for rule, (name, color) in enumerate((("no rule", "C0"), ("bias, rate 0.003", "C3"))):
    shares = 100 * dropped[:, rule]
    ax.plot(factors, shares.mean(dim=1), "o-", color=color, label=name)
    ax.fill_between(factors, shares.amin(1), shares.amax(1), color=color, alpha=0.2)
ax.set(xlabel="capacity factor", ylabel="visits dropped (%)", ylim=(0, None))
ax.set_xticks(factors)
ax.legend()
means = dropped.mean(dim=2)
fig.set_label(
    f"Two falling curves. At a capacity factor of 1, {means[0, 0]:.0%} of the visits "
    f"are dropped without a rule and {means[0, 1]:.0%} with a bias; at 2, "
    f"{means[3, 0]:.1%} and {means[3, 1]:.1%}."
)
assert (dropped[0, 1] < dropped[0, 0] / 1.5).all()
measured = {
    "dropped_none": means[0, 0],
    "dropped_bias": means[0, 1],
    "dropped_bias_quarter": means[1, 1],
}
