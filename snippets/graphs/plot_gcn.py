"""
Graph convolutional network: two labels spread over a club
==========================================================

Figures for :doc:`/graphs/gcn`: what one step does to the waves of a graph, and how the
members of a club move apart when two of them have told where they belong.
"""

import matplotlib.pyplot as plt
import networkx as nx
import numpy as np
import torch
from matplotlib.animation import FuncAnimation
from networkx.algorithms.node_classification import local_and_global_consistency
from torch.nn.functional import cross_entropy

from snippets.graphs.adjacency_matrix import adjacency_matrix, both_directions
from snippets.graphs.gcn import GCN, normalized_adjacency, smooth
from snippets.graphs.karate_club import karate_club

edge_index, faction = karate_club()
nodes = len(faction)
who = torch.eye(nodes)  # the only feature of a member is who it is
labeled = torch.tensor([0, nodes - 1])
unlabeled = torch.arange(1, nodes - 1)

# %%
# What a step does to each wave
# -----------------------------
# Each point is a wave of the club (an eigenvector), from slow to fast, and the factor
# by which a step multiplies it.

club = adjacency_matrix(edge_index, nodes).double()
scale = club.sum(dim=0).rsqrt()
bare = scale[:, None] * club * scale
factors = {
    "identity added": torch.eye(nodes) + bare,
    "no self-loops": bare,
    "self-loops (GCN)": normalized_adjacency(edge_index, nodes).double(),
}
factors = {
    name: torch.linalg.eigvalsh(step).flip(0).numpy() for name, step in factors.items()
}
largest = {name: np.abs(factor).max() for name, factor in factors.items()}

assert abs(largest["identity added"] - 2) < 1e-6
assert abs(largest["self-loops (GCN)"] - 1) < 1e-6
assert factors["no self-loops"][-1] < -0.7 < -0.45 < factors["self-loops (GCN)"][-1]

fig, ax = plt.subplots(figsize=(6.4, 3.4))
for (name, factor), marker in zip(factors.items(), "^so", strict=True):
    ax.plot(np.arange(1, nodes + 1), factor, marker, ms=4, label=name)
ax.axhline(0, color="0.5", lw=0.8)
ax.set(xlabel="wave, from slow to fast", ylabel="factor of one step", xlim=(0, 35))
ax.legend()
fig.set_label(
    "Three falling rows of points over 34 waves. With the identity added they fall "
    "from 2 to 0.3; without self-loops from 1 to minus 0.7; with them, as in a GCN, "
    "from 1 to minus 0.4."
)

# %%
# Two labels, 200 steps
# ---------------------
# The two scores of every member while a network learns from the two ringed ones.


def train(edges: torch.Tensor, seed: int, look: int = 200) -> list[torch.Tensor]:
    """Scores of all members, before and after each ``look`` of 200 steps."""
    torch.manual_seed(seed)
    model = GCN(features=nodes, hidden=16, classes=2)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01, fused=True)
    scores = []
    for step in range(201):
        out = model(who, edges)
        if step % look == 0:
            scores.append(out.detach())
        loss = cross_entropy(out[labeled], faction[labeled])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return scores


def right(scores: torch.Tensor) -> np.ndarray:
    return (scores.argmax(dim=1) == faction)[unlabeled].numpy()


history = train(edge_index, seed=0, look=10)
reach = torch.stack(history).abs().max().item() * 1.1

fig, ax = plt.subplots(figsize=(5, 4.6))
colors = [f"C{side}" for side in faction.tolist()]


def draw(frame: int) -> None:
    x, y = history[min(frame, 20)].T
    ax.clear()
    ax.plot([-reach, reach], [-reach, reach], color="0.5", lw=0.8)
    ax.scatter(x, y, c=colors, s=28)
    ax.plot(x[labeled], y[labeled], "o", color="0.5", ms=13, mfc="none")
    if frame >= 20:
        ax.text(x[8] + 0.06 * reach, y[8], "member 8", va="center")
    ax.set(xlim=(-reach, reach), ylim=(-reach, reach), aspect="equal")
    ax.set(xlabel="score of the instructor", ylabel="score of the president")
    ax.set_title(f"after {10 * min(frame, 20)} steps", fontsize=10)


assert np.flatnonzero(~right(history[-1])).tolist() == [1, 7]  # members 2 and 8
animation = FuncAnimation(fig, draw, frames=24, interval=300)
fig.set_label(
    "A plane of two scores with a diagonal. Thirty-four points in two colors start in "
    "one heap in the middle and move apart, one color to the upper left and one to the "
    "lower right, the two ringed labeled members foremost. Members 2 and 8 end on the "
    "wrong side."
)

# %%
# Is it the graph, and is it the network?
# ---------------------------------------
# The same network without friendships, and label spreading, which learns nothing.

trained = np.array([right(train(edge_index, seed)[-1]) for seed in range(10)])
blind = np.array([right(train(edge_index[:, :0], seed)[-1]) for seed in range(10)])
asked = nx.from_numpy_array(club.numpy())
for member in labeled.tolist():
    asked.nodes[member]["label"] = faction[member].item()
spread, spread_far = (
    (faction.numpy() == local_and_global_consistency(asked, alpha, 1000))[1:-1]
    for alpha in (0.9, 0.99)
)

assert trained.mean() > 0.93
assert not trained[:, 7].any()  # member 8
assert not spread[7]
assert spread.mean() > 0.96
assert blind.mean() < 0.7

# %%
# Before any training
# -------------------
# Three layers with random weights: does the nearest other member belong to the same
# faction? The control is a club with as many friends for each, but other ones.


def random_places(edges: torch.Tensor, seed: int) -> torch.Tensor:
    torch.manual_seed(seed)
    x = who
    for features, hidden in ((nodes, 16), (16, 16), (16, 2)):
        weight = torch.nn.init.xavier_uniform_(torch.empty(features, hidden))
        x = smooth(x @ weight, edges).tanh()
    return x


def with_their_own(edges: torch.Tensor, seed: int) -> float:
    x = random_places(edges, seed)
    nearest = torch.cdist(x, x).fill_diagonal_(torch.inf).argmin(dim=1)
    return (faction[nearest] == faction).double().mean().item()


def other_friends(seed: int) -> torch.Tensor:
    graph = nx.from_numpy_array(club.numpy())
    nx.double_edge_swap(graph, nswap=300, max_tries=10_000, seed=seed)
    return both_directions(torch.tensor(list(graph.edges)).T)


untrained = np.mean([with_their_own(edge_index, seed) for seed in range(50)])
control = np.mean([with_their_own(other_friends(seed), seed) for seed in range(50)])
assert untrained > 0.72 > 0.6 > control

measured = {
    "right": 32 * float(trained.mean()),
    "accuracy": float(trained.mean()),
    "blind": float(blind.mean()),
    "spread": float(spread.mean()),
    "spread_far": float(spread_far.mean()),
    "member_2": float(1 - trained[:, 1].mean()),
    "largest_bare": float(largest["identity added"]),
    "largest": float(largest["self-loops (GCN)"]),
    "fastest": float(factors["self-loops (GCN)"][-1]),
    "fastest_bare": float(factors["no self-loops"][-1]),
    "untrained": float(untrained),
    "control": float(control),
}
