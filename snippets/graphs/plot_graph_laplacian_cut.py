"""
Graph Laplacian: the Fiedler vector and the split of the karate club
====================================================================

Figure for :doc:`/graphs/graph_laplacian`: the entries of the Fiedler vector in rising
order, and which side each member took.
"""

import matplotlib.pyplot as plt
import networkx as nx
import torch

from snippets.graphs.adjacency_matrix import adjacency_matrix
from snippets.graphs.graph_laplacian import fiedler_vector
from snippets.graphs.karate_club import karate_club

edge_index, faction = karate_club()
fiedler = fiedler_vector(adjacency_matrix(edge_index, 34).double())
fiedler = fiedler * fiedler[33].sign()  # the president is on the positive side
wrong = ((fiedler > 0) != (faction == 1)).nonzero()[:, 0].tolist()
assert wrong == [2, 8] == fiedler.where(fiedler > 0, 1).argsort()[:2].tolist()

# %%
# Zachary's prediction
# --------------------
# The minimum cut between the instructor and the president, where each friendship has
# its strength as capacity; and the Fiedler vector with the same strengths.

graph = nx.karate_club_graph()
_, (one_side, _) = nx.minimum_cut(graph, 0, 33, capacity="weight")
by_flow = [member for member in graph if (member in one_side) == bool(faction[member])]
weighted = fiedler_vector(torch.from_numpy(nx.to_numpy_array(graph)))
by_weights = (weighted * weighted[33] > 0) != (faction == 1)
assert by_flow == by_weights.nonzero()[:, 0].tolist() == [8]

# %%
# The figure
# ----------

order = fiedler.argsort()
fig, ax = plt.subplots(figsize=(6.4, 3), layout="constrained")
for side, name in enumerate(("followed the instructor", "followed the president")):
    ranks = (faction[order] == side).nonzero()[:, 0]
    ax.plot(ranks, fiedler[order][ranks], "o", color=f"C{side}", label=name)
ax.axhline(0, color="0.5", ls=":")
for member, right, up in zip(wrong, (1.5, -1.5), (-0.1, 0.08), strict=True):
    rank = int((order == member).nonzero())
    ax.annotate(
        f"member {member}",
        (rank, fiedler[member]),
        (rank + right, fiedler[member] + up),
        ha="left" if right > 0 else "right",
        arrowprops={"arrowstyle": "-", "color": "0.5"},
    )
ax.set(xlabel="rank", ylabel="entry of the Fiedler vector")
ax.legend(loc="lower right")
below = fiedler < 0
assert (faction[below] == 0).all()
fig.set_label(
    f"34 points in rising order from {fiedler.min():.2f} to {fiedler.max():.2f}. "
    f"{int(below.sum())} lie below zero, all of them blue; {int((~below).sum())} lie "
    "above, orange but for members 2 and 8 shortly after the change of sign."
)
measured = {"right": 34 - len(wrong), "by_flow": len(by_flow)}
measured["by_weights"] = by_weights.sum()
