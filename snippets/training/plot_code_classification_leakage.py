"""
Accuracy under two splits, and the confusions
=============================================

Two figures of :doc:`/training/code_classification`. A linear model is trained and
tested on five random splits of snippets and on five splits by file; and which languages
it takes for which, if files are held out.
"""

import matplotlib.pyplot as plt
import numpy as np

from snippets.training.code_classification import group_split
from snippets.training.code_snippets import load_snippets
from snippets.training.linear_runs import fit_linear

SEEDS, SHARE = 5, 0.25
texts, labels, files = load_snippets()
classes, place = np.unique(labels, return_inverse=True)
groups = {"random": [str(i) for i in range(len(texts))], "by file": files}
accuracy, sizes = {name: [] for name in groups}, []
confusion = np.zeros((len(classes), len(classes)))
for name, group in groups.items():
    for seed in range(SEEDS):
        split = group_split(group, SHARE, np.random.default_rng(seed))
        train, test = ([texts[i] for i in part] for part in split)
        found = fit_linear(train, [labels[i] for i in split.train]).predict(test)
        found, right = np.searchsorted(classes, found), place[split.held_out]
        accuracy[name].append((found == right).mean())
        sizes.append(len(train))
        if name == "by file":
            np.add.at(confusion, (right, found), 1)
random, by_file = (np.array(values) for values in accuracy.values())

fig, ax = plt.subplots(figsize=(6.4, 2), layout="constrained")
for row, values in enumerate((random, by_file)):
    ax.plot(values, [row] * SEEDS, "o", color=f"C{row}", alpha=0.6)
    ax.plot(values.mean(), row, "|", color=f"C{row}", ms=30, mew=2)
ax.set_yticks([0, 1], ["random split\nof snippets", "split by file"])
ax.set(xlabel="held-out accuracy", ylim=(1.5, -0.5))
ax.xaxis.set_major_formatter("{x:.0%}")
fig.set_label(
    f"Five dots in each of two rows. Random splits: {random.min():.1%} to "
    f"{random.max():.1%}, mean {random.mean():.1%}. Splits by file: "
    f"{by_file.min():.1%} to {by_file.max():.1%}, mean {by_file.mean():.1%}."
)

# %% Which languages are taken for which
shares = confusion / confusion.sum(axis=1, keepdims=True)
fig, ax = plt.subplots(figsize=(6.4, 5.6), layout="constrained")
ax.imshow(shares, cmap="Blues", vmin=0, vmax=1)
for (row, column), share in np.ndenumerate(shares):
    if share >= 0.05:
        color = "w" if share > 0.5 else "k"
        ax.text(
            column, row, f"{100 * share:.0f}", color=color, ha="center", va="center"
        )
ax.set_xticks(range(len(classes)), classes, rotation=90)
ax.set_yticks(range(len(classes)), classes)
ax.set(xlabel="answer", ylabel="language of the file")
recall, wrong = shares.diagonal(), shares - np.diag(shares.diagonal())
pair = [classes[i] for i in np.unravel_index(wrong.argmax(), wrong.shape)]
listed = (f"{name} {share:.0%}" for name, share in zip(classes, recall, strict=True))
fig.set_label(
    f"A matrix with a dark diagonal. Shares answered right: {', '.join(listed)}. "
    f"Largest wrong share: {pair[0]} answered as {pair[1]}, {wrong.max():.0%}."
)
measured = {"snippets": len(texts), "files": len(set(files)), "classes": len(classes)}
measured |= {"random": random.mean(), "random_range": np.ptp(random)}
measured |= {"by_file": by_file.mean(), "by_file_range": np.ptp(by_file)}
measured |= {"leak": random.mean() - by_file.mean(), "fewest": min(sizes)}
measured["most"] = max(sizes)
measured |= {"worst": recall.min(), "confused": wrong.max()}
measured["frequent"] = np.bincount(place).max() / len(place)
assert random.min() > by_file.max()
