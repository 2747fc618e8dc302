"""
Graph Laplacian: low and high frequencies of the karate club
============================================================

Figure for :doc:`/graphs/graph_laplacian`: three eigenvectors, drawn on the club, and
how many friendships join members of different sign.
"""

import matplotlib.pyplot as plt
import numpy as np
import torch

from snippets.graphs.adjacency_matrix import adjacency_matrix
from snippets.graphs.graph_laplacian import laplacian
from snippets.graphs.karate_club import karate_club, seats

edge_index, _ = karate_club()
club = adjacency_matrix(edge_index, 34).double()
place = np.array([seats()[member] for member in range(34)])

eigenvalues, vectors = torch.linalg.eigh(laplacian(club))
vectors = vectors * vectors[33].sign()  # the president is on the positive side
source, target = edge_index
changes = ((vectors[source] * vectors[target]) < 0).sum(dim=0) // 2
assert changes[1] < changes[2] < changes[33]
assert vectors[:, 33].abs().argmax() == 33

# %%
# The figure
# ----------

fig, axes = plt.subplots(1, 3, figsize=(6.4, 2.9), layout="constrained")
for ax, k in zip(axes, (1, 2, 33), strict=True):
    for ends in edge_index.T.tolist():
        ax.plot(*place[ends].T, color="0.5", lw=0.6, zorder=1)
    ax.set_axis_off()
    colors = [f"C{int(value > 0)}" for value in vectors[:, k]]
    ax.scatter(*place.T, s=20 + 250 * vectors[:, k].abs(), c=colors, zorder=2)
    title = f"eigenvalue {eigenvalues[k]:.2f}\n{changes[k]} edges change sign"
    ax.set_title(title, fontsize=10)
fig.set_label(
    "The club three times, colored by the sign of an eigenvector. The second lowest "
    f"divides it into an upper and a lower half with {changes[1]} edges between them. "
    f"In the third lowest {changes[2]} edges change sign, in the highest "
    f"{changes[33]}; its largest entry is the president's, and members around him have "
    "the other sign."
)
measured = {
    "lowest": eigenvalues[1],
    "crossing": changes[1],
    "crossing_highest": changes[33],
}
