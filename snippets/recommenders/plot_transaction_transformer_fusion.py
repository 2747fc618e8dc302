"""
Late and joint fusion of statements and a table
===============================================

A figure of :doc:`/recommenders/transaction_transformer`: AUC of a label that depends on
the order of two transactions, in the same way for all users or in opposite ways.
"""

import matplotlib.pyplot as plt
import numpy as np
import torch
from sklearn.metrics import roc_auc_score
from torch import nn

from snippets.recommenders import payday_world as world
from snippets.recommenders.cross_network import TableNetwork
from snippets.recommenders.fusion_runs import Fused, Runs, late_fusion, pretrain
from snippets.recommenders.joint_fusion import FusionHead, Standardize
from snippets.recommenders.last_block import LastBlock, lower_states

EFFECTS = {"same effect for all users": (1.2, 0.0), "opposite effects": (0.0, 1.2)}
SETS, TRAIN, TEST = 3, 4000, 3000

study = world.draw_study(
    list(EFFECTS.values()), SETS, TRAIN + TEST, TRAIN, np.random.default_rng(7)
)
table, labels = study.table, study.labels
model = pretrain(study.ids[:, :TRAIN].flatten(0, 1), world.VOCAB, updates=200, seed=7)
reads = [lower_states(model, ids) for ids in study.ids] * len(EFFECTS)
lower = [torch.stack(part) for part in zip(*reads, strict=True)]
reader = LastBlock(model)
with torch.no_grad():
    pretrained = torch.stack([reader(*read) for read in reads])
sample = pretrained[:SETS, :TRAIN].flatten(0, 1)
norm = Standardize(sample)


def head():
    """DCN V2 of the table, and the embedding, into one network."""
    sizes = {"numbers": 6, "wide": 6, "layers": 2, "hidden": 32, "outputs": 16}
    return FusionHead(norm, TableNetwork(nn.Identity(), **sizes), size=40, hidden=32)


def alone():
    """The same network for the embedding alone."""
    layers = nn.Linear(24, 32), nn.ReLU(), nn.Linear(32, 1), nn.Flatten(0)
    return Fused(model, nn.Sequential(norm, *layers))


def scored(scores):
    """AUC of each run: a row for each effect, a column for each data set."""
    pairs = zip(labels[:, TRAIN:], scores, strict=True)
    return np.reshape([roc_auc_score(*pair) for pair in pairs], (-1, SETS))


def trees(*columns):
    """LightGBM on the table and further columns."""
    tables = torch.cat([table, *columns], dim=2).numpy()
    known = labels[:, :TRAIN].numpy()
    return scored([late_fusion(*pair) for pair in zip(tables, known, strict=True)])


def network(make, *inputs, updates=300):
    """Networks that are trained side by side, and their AUC."""
    torch.manual_seed(1)
    runs = Runs([make() for _ in labels])
    runs.train([x[:, :TRAIN] for x in inputs], labels[:, :TRAIN], updates=updates)
    return runs, scored(runs.logits([x[:, TRAIN:] for x in inputs]))


tuned = network(alone, *lower, updates=150)[0].embeddings(lower, reader)
found = {
    "LightGBM: table": trees(),
    "… and merchant counts": trees(study.counts),
    "… and pretrained embedding": trees(pretrained),
    "… and fine-tuned embedding": trees(tuned),
    "network: pretrained embedding": network(head, pretrained, table)[1],
    "network: fine-tuned embedding": network(head, tuned, table)[1],
    "joint fusion": network(lambda: Fused(model, head()), *lower, table)[1],
    "LightGBM: table, counts, order": trees(study.counts, study.order),
}
oracle = scored(study.odds[:, TRAIN:])
