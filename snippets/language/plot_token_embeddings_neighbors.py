"""
What stands near a word, and what near means
============================================

Figures of :doc:`/language/token_embeddings`. The nearest words in the tables of a small
language model, and their overlap with neighbors from counts.
"""

import matplotlib.pyplot as plt
import numpy as np
import torch

from snippets.foundations.vector_geometry import unit
from snippets.language.token_embeddings import nearest, overlap
from snippets.language.trained_tables import counted_tables, trained_tables

VOCAB, NEAR = 300, 10
NAMES = ["before training", "input", "output", "tied"]
SHOWN = ["can", "raised", "objects", "1", "and", "left"]

shares, past, rank, loss = (np.zeros((3, *s)) for s in ((4, 2), (4,), (2,), (2,)))
lists = []
for seed in range(3):
    words, *tables, loss[seed, 0], loss[seed, 1] = trained_tables(seed, VOCAB)
    names = words.vocabulary[1:]  # without <other>
    near = [nearest(table[1:], NEAR) for table in tables]
    counted = counted_tables(words.train, VOCAB)
    references = [nearest(table[1:], NEAR) for table in counted]
    shares[seed] = [[overlap(n, r) for r in references] for n in near]
    ed = torch.tensor([name.endswith("ed") for name in names])
    past[seed] = [ed[n[ed]].float().mean() for n in near]
    directions = [unit(table[1:]) for table in tables[1:]]
    cosines = [(d @ d.T)[np.triu_indices(len(d), 1)] for d in directions]
    ranks = [pairs.argsort().argsort() for pairs in cosines]  # input, output, tied
    rank[seed] = np.corrcoef(ranks)[2, :2]  # Spearman's correlation
    lists += [[[names[j] for j in n[names.index(w), :3]] for n in near] for w in SHOWN]

fig, ax = plt.subplots(figsize=(6.4, 4.2), layout="constrained")
for row in range(6):
    for column in range(4):
        text = "\n".join(lists[row][column])
        ax.text(column, row, text, ha="center", va="center", size=9)
    ax.axhline(row - 0.5, lw=0.5, color="0.5")
ax.set(xlim=(-0.5, 3.5), ylim=(5.5, -0.5))
ax.set(yticks=range(6), yticklabels=SHOWN, xticks=range(4), xticklabels=NAMES)
ax.tick_params(length=0, top=True, labeltop=True, bottom=False, labelbottom=False)
ax.spines[:].set_visible(False)
found = [f"{w}: {', '.join(c[2])}" for w, c in zip(SHOWN, lists[:6], strict=True)]
fig.set_label(
    "Table of the three nearest words to each of six words, before training and in the "
    f"input, the output and the tied table. In the output table, {'; '.join(found)}."
)

fig, ax = plt.subplots(figsize=(6.4, 2.6), layout="constrained")
mean, chance = shares.mean(axis=0), NEAR / (VOCAB - 2)
spread = np.abs([shares.min(axis=0), shares.max(axis=0)] - mean)
for column, label in enumerate(["by what follows", "by what precedes"]):
    style = dict(yerr=spread[:, :, column], ecolor="0.5", label=label)
    ax.bar(np.arange(4) + 0.4 * column - 0.2, mean[:, column], 0.38, **style)
ax.axhline(chance, ls=":", color="0.5")
ax.set(xticks=range(4), xticklabels=NAMES, ylabel="share of 10 neighbors")
ax.set_ylim(0, 0.38)
ax.legend(title="words compared by counts")
bars = [f"{n} {a:.2f}, {b:.2f}" for n, (a, b) in zip(NAMES, mean, strict=True)]
fig.set_label(
    "Pairs of bars: the share of a table's ten nearest words that are also nearest by "
    f"counts of what follows, and of what precedes. {'; '.join(bars)}. A dotted line "
    f"marks chance, {chance:.2f}."
)

keys = ["input_follows", "input_precedes", "output_follows", "output_precedes"]
keys += ["tied_input", "tied_output", "untied", "tied", "ed_input", "ed_output"]
means = [*mean[1:3].flat, *np.hstack([rank, loss, past[:, 1:3]]).mean(axis=0)]
measured = dict(zip(keys, means, strict=True))
measured |= {"chance": chance, "ed": ed.float().mean(), "nearer": np.diff(rank).min()}
measured["loss_gap"] = np.diff(loss).min()
assert min(measured["loss_gap"], np.diff(past[:, 1:3]).min()) > 0.005
assert np.all(np.diff(shares[:, 1:3])[..., 0] * [-1, 1] > 0.01)
assert np.all(shares[:, 1:] > 2 * chance)
assert np.all(np.abs(shares[:, 0] - chance) < 0.3 * chance)
