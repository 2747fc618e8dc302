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
import time
t=time.process_time()
found = {
    "DCN V2": networks(plain, tables, loans.bad, splits, rates=RATES),
    "DCN V2, periodic\nembeddings": networks(
        periodic, tables, loans.bad, splits, rates=RATES
    ),
}
print(time.process_time()-t, trees.mean())
for k,v in found.items(): d=v-trees; print(k,d.round(4),d.mean(),d.std(ddof=1)/SPLITS**.5)
