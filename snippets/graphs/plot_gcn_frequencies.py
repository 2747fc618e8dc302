"""
Graph convolutional network: the factor of one step for each graph Fourier mode
===============================================================================

Figure for :doc:`/graphs/gcn`: how much of each frequency of the karate club is left
after one multiplication, with self-loops and without.
"""

import matplotlib.pyplot as plt
import numpy as np
import torch

from snippets.graphs.adjacency_matrix import adjacency_matrix
from snippets.graphs.gcn import normalized_adjacency
from snippets.graphs.karate_club import karate_club

edge_index, _ = karate_club()
NODES = 34

# %%
# Two matrices
# ------------
# The eigenvalues of a matrix are the factors of its modes. Large eigenvalues belong to
# low frequencies.

club = adjacency_matrix(edge_index, NODES).double()
scale = club.sum(dim=0).rsqrt()
bare = scale[:, None] * club * scale
matrices = {
    "no self-loops": bare,
    "self-loops (GCN)": normalized_adjacency(edge_index, NODES).double(),
}
factors = {
    name: torch.linalg.eigvalsh(matrix).flip(0).numpy()
    for name, matrix in matrices.items()
}
without, gcn = factors.values()
assert abs(gcn[0] - 1) < 1e-6
assert without[-1] < -0.7 < -0.45 < gcn[-1]

# %%
# One point for each mode
# -----------------------

fig, ax = plt.subplots(figsize=(6.4, 3.4), layout="constrained")
for (name, factor), marker in zip(factors.items(), "so", strict=True):
    ax.plot(np.arange(1, NODES + 1), factor, marker, ms=4, label=name)
ax.axhline(0, color="0.5", lw=0.8)
ax.set(xlabel="mode, from low to high frequency", ylabel="factor of one step")
ax.set_xlim(0, 35)
ax.legend()
fig.set_label(
    f"Two falling rows of {NODES} points, one for each mode: without self-loops "
    f"from {without[0]:.1f} to {without[-1]:.1f}; with self-loops, as in a GCN, from "
    f"{gcn[0]:.1f} to {gcn[-1]:.1f}."
)

measured = {"second": gcn[1], "fastest": gcn[-1], "fastest_bare": without[-1]}
