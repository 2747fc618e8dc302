"""Every way to use statement and table, on the same users.

Axes::

    runs     labels of a study, each for a data set and an effect
    labeled  users that models learn from
    tested   the other users
    entries  of a user embedding
"""

from functools import partial
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from numpy import ndarray
from sklearn.metrics import roc_auc_score
from torch import Tensor

from snippets.recommenders import fusion_networks as networks
from snippets.recommenders import fusion_runs as training
from snippets.recommenders.joint_fusion import Standardize
from snippets.recommenders.last_block import LastBlock
from snippets.recommenders.late_fusion import late_fusion
from snippets.recommenders.payday_world import VOCAB, Study

UPDATES = 250


class Comparison(NamedTuple):
    """AUC of each way in each run, on users without labels."""

    table: Float[ndarray, " runs"]
    """LightGBM on the table."""
    counts: Float[ndarray, " runs"]
    """LightGBM on the table and counts of merchants."""
    late_pretrained: Float[ndarray, " runs"]
    """Late fusion with the embedding of the pretrained transformer."""
    late_tuned: Float[ndarray, " runs"]
    """Late fusion with an embedding that was fine-tuned without the table."""
    frozen_pretrained: Float[ndarray, " runs"]
    """Network on the table and the frozen embedding."""
    frozen_tuned: Float[ndarray, " runs"]
    joint: Float[ndarray, " runs"]
    by_hand: Float[ndarray, " runs"]
    """LightGBM on the table, counts of merchants, and the order."""


def aucs(study: Study, scores: Float[Tensor, "runs tested"]) -> Float[ndarray, " runs"]:
    """AUC of scores for the last users of each run."""
    labels = study.labels[:, -scores.shape[1] :]
    return np.array([roc_auc_score(*pair) for pair in zip(labels, scores, strict=True)])


def compare(
    study: Study, labeled: int, seed: int
) -> tuple[Comparison, Float[Tensor, "sample entries"]]:
    """All ways, and the pretrained embeddings of the users that models learn from."""
    known, table = study.labels[:, :labeled], study.table
    sets = len(study.ids)
    first = study.ids[:, :labeled].flatten(0, 1)
    model = training.pretrain(first, VOCAB, updates=200, seed=seed)
    lower, pretrained = training.read_all(model, study.ids, len(known) // sets)
    sample = pretrained[:sets, :labeled].flatten(0, 1)
    norm = Standardize(sample)
    head = partial(networks.small_head, norm)

    def trees(*columns: Tensor) -> ndarray:
        pairs = zip(torch.cat([table, *columns], dim=2), known, strict=True)
        found = [late_fusion(x.numpy(), y.numpy()) for x, y in pairs]
        return aucs(study, torch.tensor(np.stack(found)))

    def network(make: partial, *inputs: Tensor) -> ndarray:
        made = training.fit(make, inputs, known, updates=UPDATES)
        return aucs(study, made.logits(inputs)[:, labeled:])

    alone = partial(networks.transactions_alone, model, norm)
    tuned = training.fit(alone, lower, known, updates=120)
    tuned = tuned.embeddings(lower, LastBlock(model))
    found = Comparison(
        trees(),
        trees(study.counts),
        trees(pretrained),
        trees(tuned),
        network(head, pretrained, table),
        network(head, tuned, table),
        network(partial(networks.joint_network, model, norm), *lower, table),
        trees(study.counts, study.order),
    )
    return found, sample
