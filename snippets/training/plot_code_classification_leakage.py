"""
Accuracy under two splits, a control, and the confusions
========================================================

Two figures of :doc:`/training/code_classification`. A linear model on five random
splits of snippets and five splits by file, and on the same test snippets without and
with other pieces of their files in training; and which languages it takes for which.
"""

import matplotlib.pyplot as plt
import numpy as np

from snippets.training.code_snippets import load_snippets
from snippets.training.grouped_splits import group_split, sibling_control
from snippets.training.linear_runs import fit_linear

SEEDS, SHARE = 5, 0.25
texts, labels, files = load_snippets()
classes, place = np.unique(labels, return_inverse=True)


def answers(train, test):
    linear = fit_linear([texts[i] for i in train], [labels[i] for i in train])
    return np.searchsorted(classes, linear.predict([texts[i] for i in test]))


rows, sizes, confusion = [], [], np.zeros((len(classes), len(classes)))
for seed in range(SEEDS):
    random = np.random.default_rng(seed)
    mixed = group_split([str(i) for i in range(len(texts))], SHARE, random)
    split = group_split(files, SHARE, np.random.default_rng(seed))
    control, right = sibling_control(split, random), place[split.held_out]
    found = answers(split.train, split.held_out)
    np.add.at(confusion, (right, found), 1)
    apart = (found == right)[np.isin(split.held_out, control.test)]
    hits = [answers(*mixed) == place[mixed.held_out], found == right]
    hits += [answers(control.among, control.test) == place[control.test], apart]
    rows.append([hit.mean() for hit in hits])
    sizes += [len(mixed.train), len(split.train)]
rows = np.array(rows)

fig, ax = plt.subplots(figsize=(6.4, 3), layout="constrained")
names = ["random split", "split by file", "files shared", "files not shared"]
ax.plot(rows[:, 2:].T, [2, 3], color="0.5", lw=1)
for row, values in enumerate(rows.T):
    ax.plot(values, [row] * SEEDS, "o", color=f"C{row % 2}", alpha=0.6)
    ax.plot(values.mean(), row, "|", color=f"C{row % 2}", ms=25, mew=2)
ax.set_yticks(range(4), names)
ax.set(xlabel="held-out accuracy", ylim=(3.5, -0.5))
ax.xaxis.set_major_formatter("{x:.0%}")
mean, spread = rows.mean(axis=0), np.ptp(rows, axis=0)
described = map("{} {:.1%} (range {:.1%})".format, names, mean, spread)
fig.set_label(f"Five dots in each of four rows. Means: {', '.join(described)}.")

# %% Which languages are taken for which
shares = confusion / confusion.sum(axis=1, keepdims=True)
fig, ax = plt.subplots(figsize=(6.4, 5.6), layout="constrained")
ax.imshow(shares, cmap="Blues", vmin=0, vmax=1)
for (row, column), share in np.ndenumerate(shares):
    if share >= 0.05:
        style = {"color": "w" if share > 0.5 else "k", "ha": "center", "va": "center"}
        ax.text(column, row, f"{100 * share:.0f}", **style)
ax.set_xticks(range(len(classes)), classes, rotation=90)
ax.set_yticks(range(len(classes)), classes)
ax.set(xlabel="answer", ylabel="language of the file")
recall, wrong = shares.diagonal(), shares - np.diag(shares.diagonal())
listed = map("{} {:.0%}".format, classes, recall)
fig.set_label(
    f"A matrix with a dark diagonal. Right answers: {', '.join(listed)}. Largest wrong "
    f"share: {wrong.max():.0%}."
)
gain = rows[:, 2] - rows[:, 3]
measured = {"snippets": len(texts), "files": len(set(files)), "classes": len(classes)}
measured |= {"random": mean[0], "by_file": mean[1], "leak": mean[0] - mean[1]}
measured |= {"gain": gain.mean(), "least": gain.min(), "largest": gain.max()}
measured |= {"fewest": min(sizes), "most": max(sizes), "by_file_range": spread[1]}
measured |= {"worst": recall.min(), "confused": wrong.max()}
measured["frequent"] = np.bincount(place).max() / len(place)
assert gain.min() > 0
assert mean[0] > mean[1] + 0.03
