"""
What eight of 128 keys keep of attention and answers
====================================================

For :doc:`/attention/sparse_attention`: three layers learn with dense attention, and
their indexers are warmed up. Then each reads only some keys, selected in four ways.
"""

import matplotlib.pyplot as plt
import numpy as np
import torch

from snippets.attention.label_task import SEQ, draw_texts, train_dense, warm_up
from snippets.attention.sparse_attention import select

COUNTS, HALF = (2, 4, 8, 16, 32), SEQ // 2
WAYS = ("best", "indexer", "untrained", "last keys")
x, label, asked = draw_texts(12, torch.Generator().manual_seed(99))


@torch.no_grad()
def judge(model, dense: torch.Tensor, index: torch.Tensor) -> tuple[float, float]:
    """Attention found and accuracy, both for the second half of the texts."""
    out, _ = model.mix.attend(x, index)
    right = (model.answer(out).argmax(dim=-1) == label)[:, HALF:][asked[:, HALF:]]
    found = dense.gather(-1, index).sum(dim=-1)[:, HALF:].mean()
    return found.item(), right.float().mean().item()


def run(seed: int) -> tuple[list, float]:
    """Results (counts, ways, found and accuracy), and the accuracy with all keys."""
    model = train_dense(seed, steps=110)
    dense = model.mix.dense_weights(x).mean(dim=1)
    scores = {"best": dense, "untrained": model.mix.index(x)}
    warm_up(model, seed, steps=100)
    scores["indexer"] = model.mix.index(x)
    ages = torch.arange(0.0, SEQ) - torch.arange(SEQ)[:, None]
    scores["last keys"] = ages.masked_fill(ages > 0, -torch.inf).expand(len(x), -1, -1)
    kept = [[select(scores[way], n) for way in WAYS] for n in COUNTS]
    results = [[judge(model, dense, index) for index in row] for row in kept]
    everything = torch.arange(SEQ).expand(len(x), SEQ, -1)
    return results, judge(model, dense, everything)[1]


results, dense = (np.array(each) for each in zip(*map(run, range(3)), strict=True))
best, indexer, untrained, last = results.mean(axis=0).transpose(1, 0, 2)
EIGHT = COUNTS.index(8)
assert dense.min() > 0.9
assert (results[:, EIGHT:, 1, 1] > dense[:, None] - 0.02).all()
assert (results[:, 1:, 1, 1] > results[:, 1:, 0, 1] - 0.05).all()
assert results[:, EIGHT, 2:, 1].max() < 0.6
assert results[:, EIGHT, 1, 0].min() > 2 * results[:, EIGHT, 2:, 0].max()

for which, name in enumerate(("attention found", "accuracy")):
    fig, ax = plt.subplots()
    for way, mark in enumerate(("--", "o-", "s-", "^-")):
        color = f"C{way - 1}" if way else "0.5"
        runs = results[:, :, way, which]
        ax.plot(COUNTS, runs.T, mark[1:], color=color, lw=0.8, alpha=0.4)
        ax.plot(COUNTS, runs.mean(axis=0), mark, color=color, label=WAYS[way])
    ax.set_xscale("log", base=2)
    ax.set_xticks(COUNTS, labels=COUNTS)
    ax.set(xlabel=f"keys that are read, of {SEQ}", ylabel=name, ylim=(0, 1.05))
    if which:
        ax.axhline(1 / 8, color="0.5", ls=":")
        ax.text(COUNTS[-1], 0.11, "guessing", ha="right", va="top")
    ax.legend(loc="center right", bbox_to_anchor=(1, 0.714))
    at_8 = [f"{row[EIGHT, which]:.0%}" for row in (best, indexer, untrained, last)]
    fig.set_label(
        f"{name.capitalize()} over the number of keys read, 2 to 32; means of three "
        f"models. With eight keys: best {at_8[0]}, indexer {at_8[1]}, untrained "
        f"indexer {at_8[2]}, last keys {at_8[3]}."
    )

measured = {"accuracy_dense": dense.mean()}
for name, row in {"best": best, "untrained": untrained, "last": last}.items():
    measured[f"found_{name}"] = row[EIGHT, 0]
measured |= {"found": indexer[EIGHT, 0], "accuracy_8": indexer[EIGHT, 1]}
measured |= {"accuracy_2": indexer[0, 1], "accuracy_best_2": best[0, 1]}
measured |= {"accuracy_untrained": untrained[EIGHT, 1], "accuracy_last": last[EIGHT, 1]}
