"""
Spectral clustering: both sides of Cheeger's inequality
=======================================================

Figure for :doc:`/graphs/spectral_clustering`: the lowest conductance of real graphs,
rings, and hypercubes, and the conductance that a sweep finds on a hypercube.
"""

import matplotlib.pyplot as plt
import networkx as nx
import numpy as np
import torch

from snippets.graphs.graph_cuts import conductance, sweep, sweep_cut
from snippets.graphs.lowest_conductance import lowest_conductance
from snippets.graphs.spectral_clustering import spectral_embedding, walk_rows


def matrix(graph: nx.Graph) -> torch.Tensor:
    return torch.from_numpy(nx.to_numpy_array(graph, weight=None))


def second(graph: nx.Graph) -> float:
    return spectral_embedding(matrix(graph), k=2)[0][1].item()


real = {
    "karate club": nx.karate_club_graph(),
    "Florentine families": nx.florentine_families_graph(),
    "Southern women": nx.davis_southern_women_graph(),
}
points = {}  # with the optimum by integer programming
for name, graph in real.items():
    club = matrix(graph)
    mu, U = spectral_embedding(club, k=2)
    start = sweep_cut(club, walk_rows(U, club)[:, 1])
    points[name] = mu[1].item(), lowest_conductance(club, start)[0]
    assert mu[1] / 2 < points[name][1] < (2 * mu[1]).sqrt()

# %%
# Tight cases
# -----------
# The halves of a ring and of a hypercube; the number of ones of a corner of the cube,
# less its mean, is one of the eigenvectors to the second eigenvalue.

sizes, dimensions = (4, 8, 16, 32, 64, 128), range(2, 9)
ring = [(second(g := nx.cycle_graph(n)), 2 / n) for n in sizes]
cube, swept = [], []
for d in dimensions:
    graph = nx.hypercube_graph(d)
    ones = torch.tensor([float(sum(corner)) for corner in graph])
    first = torch.tensor([corner[0] == 1 for corner in graph])
    cube.append((second(graph), conductance(matrix(graph), first).item()))
    swept.append((cube[-1][0], sweep(matrix(graph), ones)[1].min().item()))
assert all(abs(phi - mu / 2) < 1e-9 for mu, phi in cube)
from_upper = [np.sqrt(2 * mu) / phi for mu, phi in ring]
assert max(from_upper) < np.pi

fig, ax = plt.subplots(figsize=(6.4, 3.6), layout="constrained")
grid = np.geomspace(8e-4, 2, 50)
ax.fill_between(grid, grid / 2, np.sqrt(2 * grid), color="C2", alpha=0.15, lw=0)
for (name, point), mark in zip(points.items(), "s^D", strict=True):
    ax.plot(*point, mark, color="C0", label=name)
ax.plot(*zip(*ring, strict=True), "o-", ms=4, color="C1", label="rings, best cut")
ax.plot(*zip(*cube, strict=True), "o-", ms=4, color="C3", label="cubes, best cut")
ax.plot(*zip(*swept, strict=True), "x--", color="C3", label="cubes, bad sweep")
ax.set(xscale="log", yscale="log", xlabel=r"second eigenvalue $\mu_2$")
ax.set(ylabel="conductance", ylim=(0.003, 2))
fig.legend(loc="outside right center", fontsize=10)
texts = [f"{name} {mu:.2f} and {phi:.2f}" for name, (mu, phi) in points.items()]
fig.set_label(
    f"A band between mu/2 and the root of 2 mu. Inside: {', '.join(texts)}. The best "
    "cuts of hypercubes lie on the lower edge, those of rings parallel to the upper "
    f"edge and {from_upper[-1]:.1f} times below it, and bad sweeps of "
    "hypercubes between the two."
)
mu, phi = points["Southern women"]
measured = {"ring_factor": from_upper[-1], "women": phi / (mu / 2)}
measured |= {"cube_best": cube[-1][1], "cube_swept": swept[-1][1]}
