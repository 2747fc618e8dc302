"""Networks for a table, trained side by side on several splits of its rows.

A *candidate* is a learning rate at a number of updates. In each split, the candidate
with the best AUC on one part of the rows is tested on another part.

Axes::

    splits    of the rows
    rates     learning rates, each with a network for each split
    loans     rows of the table
    features  columns
"""

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import torch
from jaxtyping import Bool, Float
from lightgbm import LGBMClassifier, early_stopping
from numpy import ndarray
from sklearn.metrics import roc_auc_score
from torch import Tensor, nn
from torch.func import functional_call, stack_module_state, vmap
from torch.nn.functional import binary_cross_entropy_with_logits

from snippets.recommenders.credit_table import Split
from snippets.training.faulty_runs import scaled_step


def boosted_trees(
    table: Float[ndarray, "loans features"],
    bad: Bool[ndarray, " loans"],
    split: Split,
    leaves: Sequence[int],
) -> float:
    """Test AUC of LightGBM; leaves and number of trees are chosen."""
    found = []
    for number in leaves:
        model = LGBMClassifier(
            n_estimators=300,
            num_leaves=number,
            learning_rate=0.05,
            n_jobs=1,
            deterministic=True,
            verbose=-1,
        )
        model.fit(
            table[split.train],
            bad[split.train],
            eval_X=table[split.chosen],
            eval_y=bad[split.chosen],
            eval_metric="auc",
            callbacks=[early_stopping(40, verbose=False)],
        )
        scores = model.predict_proba(table)[:, 1]
        parts = (split.chosen, split.test)
        found.append([roc_auc_score(bad[rows], scores[rows]) for rows in parts])
    return max(found)[1]


def networks(
    make: Callable[[], nn.Module],
    tables: Float[Tensor, "splits loans features"],
    bad: Bool[ndarray, " loans"],
    splits: Sequence[Split],
    *,
    rates: Sequence[float],
    updates: int = 200,
    every: int = 40,
    batch: int = 128,
) -> Float[ndarray, " splits"]:
    """Test AUC in each split; learning rate and number of updates are chosen."""
    made = [make() for _ in range(len(rates) * len(splits))]
    weights, _ = stack_module_state(made)
    apply, stacked = vmap(partial(functional_call, made[0])), list(weights.values())
    optimizer = torch.optim.AdamW(stacked, 1.0, weight_decay=0.01, fused=True)
    lr = torch.tensor(rates).repeat_interleave(len(splits))
    own = torch.arange(len(splits)).repeat(len(rates))[:, None]  # table of each network
    train = torch.tensor(np.stack([split.train for split in splits]))[own[:, 0]]
    labels, random = torch.tensor(bad).float(), torch.Generator().manual_seed(0)
    found = []
    for update in range(1, updates + 1):
        some = torch.randint(train.shape[1], (len(made), batch), generator=random)
        rows = train.gather(1, some)
        logits = apply(weights, (tables[own, rows],))[..., 0]
        optimizer.zero_grad()
        loss = binary_cross_entropy_with_logits(logits, labels[rows], reduction="none")
        loss.mean(dim=1).sum().backward()
        with torch.no_grad():
            scaled_step(optimizer, stacked, lr * min(1, update / 20))
            if update % every == 0:
                scores = apply(weights, (tables[own[:, 0]],))[..., 0]
                found.append(both_aucs(scores, bad, splits))
    # (candidates, splits, chosen and test)
    aucs = np.reshape(found, (-1, len(splits), 2))
    best = aucs[..., 0].argmax(axis=0)
    return aucs[best, np.arange(len(splits)), 1]


def both_aucs(
    scores: Float[Tensor, "networks loans"],
    bad: Bool[ndarray, " loans"],
    splits: Sequence[Split],
) -> list[list[float]]:
    """AUC of each network on the rows that choose, and on those that test."""
    return [
        [roc_auc_score(bad[rows], one[rows]) for rows in (split.chosen, split.test)]
        for one, split in zip(
            scores, list(splits) * (len(scores) // len(splits)), strict=True
        )
    ]
