"""
GraphSAGE: a sampled tree in the karate club
============================================

Figure for :doc:`/graphs/graphsage`: the members that are read for member 0 by two
layers with two and three sampled neighbors.
"""

import matplotlib.pyplot as plt
import torch

from snippets.graphs.karate_club import karate_club, seats
from snippets.graphs.neighbor_sampling import sampled_tree

friendships, _ = karate_club()
random = torch.Generator().manual_seed(239)
first, second = sampled_tree(torch.tensor([0]), friendships, 34, (2, 3), random)
first, second, place = first[0].tolist(), second[0].tolist(), seats()
color = {member: "C2" for row in second for member in row}
color |= {member: "C1" for member in first} | {0: "C0"}
assert sum(len(row) for row in second) == 12
assert any(len(set(row)) < len(row) for row in [first, *second])

# %%
# The figure
# ----------

fig, (club, tree) = plt.subplots(2, figsize=(6.4, 6.4), height_ratios=(3, 2))
for edge in friendships.T.tolist():
    club.plot(*zip(*(place[member] for member in edge), strict=True), "0.5", lw=0.4)
club.plot(*zip(*place.values(), strict=True), "o", color="0.5", ms=4)
dots = [(club, *place[member], member) for member in color] + [(tree, 4, 2, 0)]
for slot, member in enumerate(first):
    dots.append((tree, 3 * slot, 1, member))
    tree.plot([4, 3 * slot], [2, 1], "0.5", ls="-" if slot else ":", zorder=0)
    for leaf, other in enumerate(second[slot]):
        across = [3 * slot, 3 * slot + leaf - 1]
        dots.append((tree, across[1], 0, other))
        tree.plot(across, [1, 0], "0.5", ls="-" if leaf else ":", zorder=0)
for ax, x, y, member in dots:
    ax.plot(x, y, "o", color=color[member], ms=9, zorder=3)
    ax.annotate(member, (x, y), (6, 2), textcoords="offset points")
tree.set_ylim(-0.4, 2.4)
club.axis("off")
tree.axis("off")
fig.set_label(
    "Above, the karate club as a graph with the members that were drawn in color. "
    f"Below, the tree of those draws: member 0; then members {first}; then for each of "
    f"these four the member itself and two of its friends: {second}."
)
