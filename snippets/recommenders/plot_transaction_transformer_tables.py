"""
DCN V2 and LightGBM on a real table of loans
============================================

A figure of :doc:`/recommenders/transaction_transformer`: AUC of DCN V2 minus that of
LightGBM on the same split, with plain numbers and with periodic embeddings of them.
"""

import matplotlib.pyplot as plt
import numpy as np
import torch
from torch import nn

from snippets.recommenders import credit_table
from snippets.recommenders.cross_network import PeriodicEmbedding, TableNetwork
from snippets.recommenders.table_runs import boosted_trees, networks

SPLITS, LEAVES, RATES, SIZE = 6, (6, 12), (0.002, 0.006), 4

loans = credit_table.load()
splits = [credit_table.random_split(len(loans.bad), seed) for seed in range(SPLITS)]
tables = torch.stack([credit_table.for_networks(loans, s.train) for s in splits])
numbers, indicators = loans.numbers.shape[1], loans.indicators.shape[1]


def plain():
    """DCN V2 that multiplies the numbers as they are."""
    wide = numbers + indicators
    sizes = {"numbers": numbers, "wide": wide, "hidden": 64, "outputs": 1}
    return TableNetwork(nn.Identity(), layers=2, **sizes)


def periodic():
    """DCN V2 that multiplies embeddings of the numbers."""
    embed = PeriodicEmbedding(features=numbers, frequencies=8, size=SIZE, sigma=0.1)
    wide = numbers * SIZE + indicators
    sizes = {"numbers": numbers, "wide": wide, "hidden": 64, "outputs": 1}
    return TableNetwork(embed, layers=2, **sizes)


both = np.concatenate([loans.numbers, loans.indicators], axis=1)
trees = np.array([boosted_trees(both, loans.bad, split, LEAVES) for split in splits])
torch.manual_seed(0)
found = [
    networks(make, tables, loans.bad, splits, rates=RATES) - trees
    for make in (plain, periodic)
]

fig, ax = plt.subplots(figsize=(6.2, 2.2), layout="constrained")
for place, (gaps, look) in enumerate(zip(found, ("C0o", "C1s"), strict=True)):
    error = gaps.std(ddof=1) / SPLITS**0.5
    ax.plot(gaps, [place] * SPLITS, "|", color=look[:2], markersize=12)
    ax.errorbar(gaps.mean(), place, xerr=error, fmt=look, capsize=4)
ax.axvline(0, color="0.5", linewidth=0.8)
ax.set(ylim=(1.6, -0.6), xlabel="AUC of DCN V2 minus AUC of LightGBM")
ax.set_yticks([0, 1], ["plain numbers", "periodic embeddings"])
mean = [gaps.mean() for gaps in found]
fig.set_label(
    f"AUC of DCN V2 minus that of LightGBM on {SPLITS} splits, with a mark for each, "
    f"their mean, and its standard error. With plain numbers, the mean is "
    f"{mean[0]:+.3f}; with periodic embeddings, it is {mean[1]:+.3f}."
)
measured = {"trees": trees.mean(), "plain": mean[0], "periodic": mean[1]}
measured |= {"closed": (found[1] - found[0]).mean()}
assert mean[0] < -0.005
assert mean[1] - mean[0] > 0.005
