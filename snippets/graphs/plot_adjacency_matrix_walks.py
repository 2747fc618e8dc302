"""
Adjacency matrix: walks of one to five steps
============================================

Figure for :doc:`/graphs/adjacency_matrix`: how many walks join each two members of the
karate club.
"""

import matplotlib.pyplot as plt
import networkx as nx
import numpy as np

from snippets.graphs.adjacency_matrix import adjacency_matrix, relabel, walks
from snippets.graphs.karate_club import karate_club

edge_index, faction = karate_club()
club = adjacency_matrix(edge_index, 34).double()
club = relabel(club, faction.argsort(stable=True))  # the two sides one after the other
powers = {length: walks(club, length) for length in range(1, 6)}
filled = {length: (power > 0).double().mean() for length, power in powers.items()}
assert filled[4] < 1
assert filled[5] == 1

# %%
# How many times as many walks stay on a side, on average, as change sides

side = faction.sort().values
within = side[:, None] == side
contrast = {
    k: power[within].mean() / power[~within].mean() for k, power in powers.items()
}
assert contrast[1] > contrast[2] > contrast[5] + 1

# %%
# The figure
# ----------
# A field is empty where there is no walk.

fig, axes = plt.subplots(1, 4, figsize=(6.4, 2.3), sharey=True)
for ax, length in zip(axes, (1, 2, 3, 5), strict=True):
    counts = np.ma.masked_equal(powers[length].numpy(), 0)
    image = ax.imshow(counts, norm="log", cmap="viridis", clim=(0.2, 2000))
    ax.set_title(f"{length} step{'s' * (length > 1)}", fontsize=10)
    ax.set(xlabel="place", xticks=[0, 20], yticks=[0, 20])
axes[0].set_ylabel("place, by side")
fig.colorbar(image, ax=axes, label="walks", shrink=0.75)
shares = ", ".join(f"{length} fill {filled[length]:.0%}" for length in (1, 2, 3, 5))
fig.set_label(
    f"Four heat maps of 34 by 34 members. Steps: {shares}. With five, some pairs are "
    f"joined by up to {powers[5].max():.0f} walks."
)
measured = {f"filled_{length}": filled[length] for length in (1, 2, 4)}
measured |= {f"contrast_{length}": contrast[length] for length in (2, 5)}
measured["diameter"] = nx.diameter(nx.karate_club_graph())
