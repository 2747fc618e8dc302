"""
Smaller experts have less error where a token has two clusters
==============================================================

A figure of :doc:`/transformers/mixture_of_experts`. Experts are cut into four,
and a token visits four times as many, at equal parameters and arithmetic. In one task
a token belongs to one cluster, in the other to two.
"""

import matplotlib.pyplot as plt
import torch

from snippets.transformers.cluster_mixtures import Rule, Shape, train

shapes = [Shape(8, 2, 24), Shape(32, 8, 6)]
seeds = [0, 1, 2]
runs = [[train([Rule()], seeds, s, attributes=n) for s in shapes] for n in (1, 2)]
error = torch.stack([torch.stack([run.error for run in task]) for task in runs])
one, two = 1 - error[:, 1] / error[:, 0]  # by which share smaller experts err less
assert (two > 0).all()
assert (one < 0).all()

fig, axes = plt.subplots(1, 2, figsize=(5, 3.1), layout="constrained", sharey=True)
titles = ("one cluster per token", "two clusters per token")
for ax, values, title in zip(axes, error, titles, strict=True):
    for seed in seeds:
        ax.plot(range(2), values[:, seed], "o-", color=f"C{seed}", label=f"seed {seed}")
    ax.set_xticks(
        range(2), [f"{s.top_k} of {s.experts}\nwidth {s.d_ff}" for s in shapes]
    )
    ax.set(title=title, xlabel="experts visited", xlim=(-0.4, 1.4))
axes[0].set_ylim(0, 1.05 * error.max())
axes[0].set_ylabel("mean squared error")
fig.legend(*axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=3)
means = error.mean(dim=2)
fig.set_label(
    "Lines for three seeds from 2 of 8 experts to 8 of 32 smaller ones. With one "
    f"cluster per token the mean error rises from {means[0, 0]:.3f} to "
    f"{means[0, -1]:.3f}; with two it falls from {means[1, 0]:.3f} to "
    f"{means[1, -1]:.3f}."
)
measured = {
    "guessing_two": runs[1][0].guessing.mean(),
    "finer_two": two.mean(),
    "finer_one": -one.mean(),
}
