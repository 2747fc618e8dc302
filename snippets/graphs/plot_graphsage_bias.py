"""
GraphSAGE: sampled embeddings are biased, sampled means are not
===============================================================

Figure for :doc:`/graphs/graphsage`: the squared error that remains after averaging many
samples, for the mean of the neighbors and for the embedding of a trained network.
"""

import matplotlib.pyplot as plt
import numpy as np
import torch

from snippets.graphs.four_groups import groups, trained
from snippets.graphs.message_passing import propagate, scatter_mean
from snippets.graphs.neighbor_sampling import sampled_tree

embed = trained([groups(seed) for seed in range(4)], seed=0, fan_outs=(5, 5)).embed
x, edge_index = groups(10)
degree = edge_index[1].bincount(minlength=200)
some = (degree > 0).nonzero()[::8, 0]
random = torch.Generator().manual_seed(0)
DRAWS, AT_ONCE, ORDERS = 512, 64, 256


def errors(sampled, fan_outs, target):
    """Squared error of one sample, and of averages of more and more, in many orders."""
    trees = [
        sampled_tree(some.repeat(AT_ONCE), edge_index, 200, fan_outs, random)
        for _ in range(DRAWS // AT_ONCE)
    ]
    samples = torch.cat([sampled(tree) for tree in trees]).unflatten(0, (DRAWS, -1))
    off, count = samples - target[some], torch.arange(1, DRAWS + 1).view(-1, 1, 1)
    orders = [torch.randperm(DRAWS, generator=random) for _ in range(ORDERS)]
    curves = [(off[o].cumsum(0) / count).square().mean(dim=(1, 2)) for o in orders]
    return off.square().mean().item(), torch.stack(curves).mean(dim=0)


def sample_mean(tree):
    return x[tree[0][:, 1:]].mean(dim=1)


# %%
# The mean of the neighbors
# -------------------------
# Its squared error, times the size of the sample, is the variance among the neighbors.

mean, embedding = propagate(x, edge_index, scatter_mean), embed(x, edge_index)
one = {s: errors(sample_mean, (s,), mean)[0] for s in (2, 25)}
spread = propagate(x.square(), edge_index, scatter_mean) - mean.square()
variance = spread[some].mean().item()
assert all(abs(s * square / variance - 1) < 0.1 for s, square in one.items())

# %%
# The embedding of two layers
# ---------------------------

fig, ax = plt.subplots(figsize=(6.4, 3.8), layout="constrained")
count, left = np.arange(1, DRAWS + 1), {}
for size, style in {2: "C1--", 5: "C1-", 10: "C2-"}.items():
    square, curve = errors(lambda t: embed.sampled(x, t), (size, size), embedding)
    left[size] = curve[-1].item() / square
    ax.loglog(count, curve / square, style, label=f"embedding, samples of {size}")
square, curve = errors(sample_mean, (5,), mean)
ax.loglog(count, curve / square, "C0", label="mean of neighbors, samples of 5")
ax.loglog(count, 1 / count, ":", color="0.5", label="unbiased: 1 / samples")
ax.legend(fontsize=9)
ax.set(xlabel="samples averaged", ylabel="squared error (one sample: 1)")
assert abs(curve[0].item() / square - 1) < 0.05
assert curve[-1].item() / square < 0.01 < 0.04 < min(left.values())
fig.set_label(
    "Squared error over the number of samples averaged, on log axes. The mean over "
    f"neighbors falls to {curve[-1].item() / square:.4f}. Embeddings level off at "
    + ", ".join(f"{share:.2f} for samples of {size}" for size, share in left.items())
)
measured = {"variance": variance, "error_2": 2 * one[2], "error_25": 25 * one[25]}
measured |= {f"left_{size}": share for size, share in left.items()}
