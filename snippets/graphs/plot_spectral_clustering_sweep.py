"""
Spectral clustering: the sweep cut of the karate club
=====================================================

Figure for :doc:`/graphs/spectral_clustering`: the conductance of every threshold on the
relaxed indicator, beside the bounds of Cheeger's inequality and the optimum.
"""

import matplotlib.pyplot as plt
import torch

from snippets.graphs.adjacency_matrix import adjacency_matrix
from snippets.graphs.graph_cuts import conductance, cut_weight, sweep, sweep_cut
from snippets.graphs.karate_club import karate_club
from snippets.graphs.lowest_conductance import lowest_conductance
from snippets.graphs.spectral_clustering import spectral_embedding, walk_rows

edge_index, faction = karate_club()
club = adjacency_matrix(edge_index, 34).double()
mu, U = spectral_embedding(club, k=2)
relaxed = walk_rows(U, club)[:, 1]
relaxed = relaxed * relaxed[33].sign()  # the president is on the positive side
relaxed = relaxed.round(decimals=9)  # members with the same friends are exactly equal

order, costs = sweep(club, relaxed)
cut = sweep_cut(club, relaxed)
wrong = (cut != (faction == 1)).nonzero()[:, 0].tolist()
assert wrong == [8]
assert conductance(club, cut) < conductance(club, relaxed > 0)

# %%
# The optimum
# -----------
# Integer linear programming finds the best of all cuts and proves that it is.

lowest, best = lowest_conductance(club, cut)
best = best if best[33] else ~best
assert (best != cut).sum() == 1
assert mu[1] / 2 < lowest < costs.min() < (2 * mu[1]).sqrt()

# %%
# The figure
# ----------

fig, ax = plt.subplots(figsize=(6.4, 3.4), layout="constrained")
place = torch.arange(1, 34)
ax.plot(place, costs, color="0.5", lw=0.8, zorder=1)
for side, name in enumerate(("followed the instructor", "followed the president")):
    added = faction[order[:-1]] == side
    ax.plot(place[added], costs[added], "o", ms=5, color=f"C{side}", label=name)
lines = {
    r"$\sqrt{2\mu_2}$": (2 * mu[1]).sqrt(),
    "best of all cuts": lowest,
    r"$\mu_2/2$": mu[1] / 2,
}
for (name, height), style in zip(lines.items(), ("--", "-", "--"), strict=True):
    ax.axhline(height, color="C2", ls=style, lw=1, zorder=0)
    ax.text(34.4, height, name, va="center", ha="left", clip_on=False)
ax.set(xlabel="members below the threshold", ylabel="conductance of the cut")
ax.set(ylim=(0, 1.05), xlim=(0, 34))
ax.legend(loc="upper center")
fig.set_label(
    f"Conductance after each of 33 members: from {costs[0]:.0f} it falls to "
    f"{costs.min():.3f} after {int(costs.argmin()) + 1} members and rises to "
    f"{costs[-1]:.0f}. No point stands between members of equal entry. The best of all "
    f"cuts has {lowest:.3f}. Dashed lines at {mu[1] / 2:.3f} and "
    f"{(2 * mu[1]).sqrt():.3f} are the bounds."
)
measured = {
    "lower": mu[1] / 2,
    "upper": (2 * mu[1]).sqrt(),
    "cut_edges": cut_weight(club, cut),
    "sweep": costs.min(),
    "zero": conductance(club, relaxed > 0),
    "lowest": lowest,
    "right": 34 - len(wrong),
}
