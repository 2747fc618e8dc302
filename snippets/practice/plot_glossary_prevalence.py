"""
Rare positives, and what two metrics make of them
=================================================

The classes keep their scores, and positives become rare.
"""

import matplotlib.pyplot as plt
import numpy as np

from snippets.practice.classification_metrics import average_precision, roc_auc

# %%
# What to look for
# ----------------
# AUC stays where it is. Average precision falls with the share of positives.

rng = np.random.default_rng(0)
shares = np.array([0.01, 0.02, 0.05, 0.1, 0.2, 0.5])
sets, size = 20, 4000
found = np.zeros((2, len(shares), sets))
for i, share in enumerate(shares):
    labels = (np.arange(size) < share * size).astype(int)
    for j in range(sets):
        scores = rng.normal(2.0 * labels)
        found[:, i, j] = roc_auc(labels, scores), average_precision(labels, scores)
mean, spread = found.mean(axis=2), found.std(axis=2, ddof=1)
assert np.ptp(mean[0]) < 0.01
assert (np.diff(mean[1]) > 0).all()

fig, ax = plt.subplots(figsize=(7, 4), layout="constrained")
for name, m, s in zip(("AUC", "average precision"), mean, spread, strict=True):
    ax.plot(shares, m, "o-", label=name)
    ax.fill_between(shares, m - s, m + s, alpha=0.25)
ax.plot(
    shares,
    shares,
    ":",
    color="gray",
    label="AP of random scores (about)",
)
ax.set(xscale="log", xlabel="share of positives", ylabel="metric", ylim=(0, 1.45))
ax.set_xticks(shares, [f"{share:.0%}" for share in shares])
ax.minorticks_off()
ax.legend(loc="upper left")
fig.set_label(
    f"AUC stays between {mean[0].min():.2f} and {mean[0].max():.2f}. Average precision "
    f"rises from {mean[1, 0]:.2f} at {shares[0]:.0%} positives to {mean[1, -1]:.2f} at "
    f"{shares[-1]:.0%}."
)

measured = {
    "auc_rare": mean[0, 0],
    "auc_half": mean[0, -1],
    "ap_rare": mean[1, 0],
    "ap_half": mean[1, -1],
}
