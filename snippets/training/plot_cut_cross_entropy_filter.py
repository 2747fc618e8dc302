"""
A sorted vocabulary lets the filter skip more blocks
====================================================

Probabilities beside the threshold of the filter, and the share of blocks that it skips
(:doc:`/training/cut_cross_entropy`).
"""

import matplotlib.pyplot as plt
import torch

from snippets.training.cut_cross_entropy_passes import (
    cut_backward,
    cut_forward,
    vocabulary_order,
)
from snippets.training.skewed_head import skewed_head

TOKENS, D_MODEL, VOCAB, BLOCK, EPS, SEEDS = 512, 64, 8192, 64, 2**-12, 3
SKEWS = (1.3, 1.6, 2.0, 2.5)

skipped = torch.zeros(2, len(SKEWS), SEEDS)  # (unsorted, sorted)
curves = {}
for s, skew in enumerate(SKEWS):
    for seed in range(SEEDS):
        head = skewed_head(TOKENS, D_MODEL, VOCAB, skew, seed)
        _, lse = cut_forward(*head, 256, 512)
        for k, order in enumerate((None, vocabulary_order(*head[:2]))):
            options = {"filter_eps": EPS, "order": order}
            kept = cut_backward(*head, lse, BLOCK, BLOCK, **options).kept
            skipped[k, s, seed] = 1 - kept.float().mean()
    probabilities = (head.hidden @ head.classifier.T).softmax(dim=-1)
    curves[skew] = probabilities.sort(dim=-1, descending=True).values.mean(dim=0)
at = SKEWS.index(2.0)
assert skipped[1, at].min() > 0.9
assert skipped[0, at].max() < 0.4
assert (skipped[1] - skipped[0]).min() > 0.3

fig, (left, right) = plt.subplots(1, 2, figsize=(6.4, 3.2), layout="constrained")
for s, (skew, curve) in enumerate(curves.items()):
    left.loglog(torch.arange(1, VOCAB + 1), curve, color=f"C{s}", label=f"{skew}")
left.axhline(EPS, color="0.5", ls="--")
left.text(VOCAB, 1.5 * EPS, "$2^{-12}$", ha="right")
left.set(xlabel="rank of the probability", ylabel="probability", ylim=(1e-10, 1))
left.legend(title="skew", fontsize=9)
for k, (style, label) in enumerate((("s--", "unsorted"), ("o-", "sorted"))):
    right.plot(SKEWS, skipped[k].mean(dim=-1), style, color=f"C{k}", label=label)
    right.plot(SKEWS, skipped[k], ".", color=f"C{k}")
right.set(xlabel="skew", ylabel="share of blocks skipped", ylim=(-0.03, 1.03))
right.legend(title="vocabulary", fontsize=9)
means = skipped.mean(dim=-1)
fig.set_label(
    "Left, sorted probabilities on logarithmic axes: falling curves, steeper for a "
    "larger skew, and a dashed line at the threshold, which each crosses. Right, "
    f"share of blocks skipped over the skew: from {means[0, 0]:.0%} to "
    f"{means[0, -1]:.0%} unsorted, from {means[1, 0]:.0%} to {means[1, -1]:.0%} sorted."
)
measured = {
    "skipped": skipped[0, at].mean(),
    "skipped_high": skipped[0, at].max(),
    "sorted": skipped[1, at].mean(),
    "sorted_low": skipped[1, at].min(),
}
