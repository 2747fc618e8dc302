"""
A small DeepSeek model with each piece switched off
===================================================

Two figures of :doc:`/transformers/deepseek`. Small models learn a language in which the
first token of a text names the rule of the others: with all pieces, and with each piece
switched off in turn. Curves of five seeds, then the differences after the last step.
"""

import matplotlib.pyplot as plt
import torch
from scipy.stats import t

from snippets.transformers.deepseek_training import VARIANTS, Lessons, train
from snippets.transformers.topic_language import ideal_loss

SEEDS, MARKS = [40, 41, 42, 43, 44], [30, 60, 90, 120, 140]
lessons = [Lessons(seed, topics=4, steps=1) for seed in SEEDS]
blind = [ideal_loss(x.rules, x.tests, topic_known=False) - x.floor for x in lessons]
blind = torch.stack(blind).mean()
runs = [train(name, SEEDS, MARKS) for name in VARIANTS]
excess = torch.stack(runs)  # (variants, marks, seeds)

fig, axes = plt.subplots(1, 5, figsize=(7.2, 2.7), layout="constrained", sharey=True)
for ax, name, curves in zip(axes, VARIANTS, excess, strict=True):
    ax.plot(MARKS, curves, "C0.-", lw=1)
    ax.axhline(blind, ls="--", color="0.5")
    ax.set(title=name, ylim=(0, 1), xlim=(0, MARKS[-1] + 10), xticks=(0, MARKS[-1]))
    ax.title.set_size(10)
axes[0].set_ylabel("loss above the ideal (nats)")
axes[2].set_xlabel("training steps")
end = excess[:, -1]
fig.set_label(
    f"Five panels with five falling curves each; a dashed line at {blind:.2f}. After "
    f"step {MARKS[-1]}, all curves are between {end.min():.2f} and {end.max():.2f}."
)

# %%
# After the last step
# -------------------
#
# The four intervals of the mean difference hold together with a confidence of 95 %.

pairs = end[1:] - end[0]  # same rules and texts
mean = pairs.mean(dim=1)
quantile = t.ppf(1 - 0.05 / len(pairs) / 2, df=len(SEEDS) - 1)
half = quantile * pairs.std(dim=1) / len(SEEDS) ** 0.5

fig, ax = plt.subplots(figsize=(6, 2.6), layout="constrained")
rows = torch.arange(len(pairs))
ax.errorbar(mean, rows, xerr=half, fmt="C1s", capsize=4, label="mean, interval")
ax.plot(pairs, rows + 0.25, "C0o", ms=4)
ax.plot([], [], "C0o", ms=4, label="a seed")
ax.axvline(0, ls="--", color="0.5")
ax.set_yticks(rows, VARIANTS[1:])
ax.set(xlabel="loss minus that of all pieces (nats)", ylim=(3.5, -0.4))
fig.legend(loc="outside upper center", ncols=2)
parts = [
    f"{name} {m:.3f} ± {h:.3f}"
    for name, m, h in zip(VARIANTS[1:], mean, half, strict=True)
]
fig.set_label(f"Dots of five seeds, and means with intervals: {', '.join(parts)}.")

assert end.max() < 0.25 * blind
excluded = (mean.abs() > half).tolist()  # on the page: no sparsity and no MLA alone
assert excluded == [False, False, True, True], (mean, half)
assert (mean[2:] < 0).all()
measured = {
    "blind": blind,
    "least": end.min(),
    "most": end.max(),
    "gain_no_sparsity": -mean[2],
    "gain_no_mla": -mean[3],
}
