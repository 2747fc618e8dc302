"""
Message passing: colors that fade, and energies of molecules
============================================================

Figures for :doc:`/graphs/message_passing`: what is left of the differences between
members after many steps, and how many steps it takes to know a molecule.
"""

import matplotlib.pyplot as plt
import networkx as nx
import numpy as np
import torch
from matplotlib.animation import FuncAnimation
from torch import nn

from snippets.graphs.adjacency_matrix import adjacency_matrix, with_self_loops
from snippets.graphs.graph_laplacian import normalized_laplacian
from snippets.graphs.karate_club import karate_club, seats
from snippets.graphs.message_passing import (
    MessagePassing,
    propagate,
    scatter_max,
    scatter_mean,
)
from snippets.graphs.toy_molecules import molecules

edge_index, faction = karate_club()
loops = with_self_loops(edge_index, 34)
DEPTH, SHOWN = 64, 16

# %%
# Fading
# ------
# Each member starts with a random color; then each takes the mean of its own and its
# friends'. Right, how much of the features is not the same for all members.


def differences(steps: torch.Tensor) -> np.ndarray:
    """Share of the length of the features that is not their mean over the members."""
    mean = steps.mean(dim=1, keepdim=True)
    return ((steps - mean).norm(dim=(1, 2)) / steps.norm(dim=(1, 2))).numpy()


@torch.no_grad()
def untrained(x, skip: bool):
    layer = MessagePassing(features=16, edge_features=0, aggregate=scatter_mean)
    heard = layer.to(x.dtype)(x, edge_index, x.new_zeros(edge_index.shape[1], 0))
    return x + heard if skip else heard


ways = {
    "mean": lambda x: propagate(x, loops, scatter_mean),
    "maximum": lambda x: propagate(x, loops, scatter_max),
    "layers": lambda x: untrained(x, skip=False),
    "layers with skip": lambda x: untrained(x, skip=True),
}
left_over, states = {}, {}
for name, step in ways.items():
    torch.manual_seed(0)
    states[name] = [torch.randn(34, 16, dtype=torch.float64)]
    for _ in range(DEPTH):
        states[name].append(step(states[name][-1]))
    left_over[name] = differences(torch.stack(states[name]))

club = adjacency_matrix(loops, 34).double()
rate = 1 - torch.linalg.eigvalsh(normalized_laplacian(club))[1].item()
assert left_over["mean"][DEPTH] < 0.01
assert 0.1 < left_over["mean"][SHOWN] < 0.2
assert left_over["maximum"][5] < 1e-9
assert left_over["layers"][8] < 0.05
assert left_over["layers with skip"][DEPTH] > 0.6
assert abs(left_over["mean"][64] / left_over["mean"][63] - rate) < 1e-3

place = np.array([seats()[member] for member in range(34)])
fig, (left, right) = plt.subplots(1, 2, figsize=(6.4, 3.2))
for ends in edge_index.T.tolist():
    left.plot(*place[ends].T, color="0.5", lw=0.6, zorder=1)
left.set_axis_off()
colors = np.array([state[:, 1].numpy() for state in states["mean"]])
dots = left.scatter(*place.T, c=colors[0], s=60, cmap="viridis", zorder=2)
dots.set_clim(-1.5, 1.5)
lines = [right.plot([], [])[0] for _ in ways]
spots = [(9, 0.45), (0.2, 4e-3), (7.4, 0.03), (5, 1.3)]
for number, (name, spot) in enumerate(zip(ways, spots, strict=True)):
    right.text(*spot, name, color=f"C{number}", fontsize=9)
right.set(xlim=(0, SHOWN), ylim=(1e-3, 3), yscale="log")
right.set(xlabel="steps", ylabel="share of differences")


def draw(frame: int) -> None:
    step = min(frame, SHOWN)
    dots.set_array(colors[step])
    left.set_title(f"{step} steps of the mean", fontsize=10)
    for line, curve in zip(lines, left_over.values(), strict=True):
        line.set_data(range(step + 1), curve[: step + 1])


animation = FuncAnimation(fig, draw, frames=SHOWN + 3, interval=500)
fig.set_label(
    "Left the club: 34 dots of random colors that become nearly one color in 16 steps. "
    "Right the share of differences on a logarithmic scale: falling slowly for the "
    "mean, to nothing after five steps for the maximum, to "
    f"{left_over['layers'][8]:.3f} in eight for untrained layers, and staying near one "
    "for layers that add to what there was."
)

# %%
# Numbers of the page
# -------------------
# What the mean is good for: which side is a member on, if it knows that only with much
# noise? A thousand times; it is above the median or it is not.

torch.manual_seed(0)
noisy = (2.0 * faction - 1)[:, None] + 2 * torch.randn(34, 1000)
guessed = []
for _ in range(SHOWN + 1):
    above = noisy > noisy.median(dim=0).values
    guessed.append((above == (faction == 1)[:, None]).double().mean().item())
    noisy = propagate(noisy, loops, scatter_mean)
assert guessed[0] < 0.75
assert guessed[SHOWN] > 0.9

# %%
# Molecules
# ---------
# How well is the energy of new molecules known after 0 to 3 steps? Gray: three steps
# along the same bonds, put in a row.


class Chemist(nn.Module):
    def __init__(self, steps: int):
        super().__init__()
        self.steps = nn.ModuleList(
            MessagePassing(features=12, edge_features=1) for _ in range(steps)
        )
        self.read = nn.Sequential(nn.Linear(12, 24), nn.Tanh(), nn.Linear(24, 1))

    def forward(self, edges, strength, owner):
        x = torch.eye(12)[torch.zeros_like(owner)]  # all atoms are alike
        for step in self.steps:
            x = x + step(x, edges, strength)
        return scatter_mean(self.read(x), owner, int(owner[-1]) + 1)[:, 0]


def in_a_row(edges, strength, owner, energy):
    """Trees have one bond fewer than atoms, and so has a row."""
    left = (owner[1:] == owner[:-1]).nonzero()[:, 0]
    once = edges[0] < edges[1]  # bonds of a molecule are next to each other
    row = torch.stack([left, left + 1])
    strength = strength[once].repeat(2, 1)
    return torch.cat([row, row.flip(0)], dim=1), strength, owner, energy


def error(steps: int, seed: int, drawn=lambda *batch: batch) -> float:
    torch.manual_seed(seed)
    model = Chemist(steps)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2, fused=True)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 288)
    for number in range(288):
        *graph, energy = drawn(*batches[number % 12])
        loss = (model(*graph) - (energy - mean) / spread).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    with torch.no_grad():
        *graph, energy = drawn(*new)
        return (model(*graph) - (energy - mean) / spread).abs().mean().item()


batches = [molecules(50, seed) for seed in range(12)]
new = molecules(300, 99)
energies = torch.cat([batch[3] for batch in batches])
mean, spread = energies.mean(), energies.std()
errors = np.array([[error(steps, seed) for seed in (0, 1)] for steps in range(4)])
row = np.mean([error(3, seed, in_a_row) for seed in (0, 1)])

mean_error = errors.mean(axis=1)
assert mean_error[0] > 0.6
assert (mean_error[1:] < mean_error[:-1] - 0.03).all()
assert mean_error[3] < 0.25
assert row > mean_error[3] + 0.1

fig, (left, right) = plt.subplots(1, 2, figsize=(6.4, 2.7), width_ratios=[1, 1.3])
edges, strength, owner, _ = new
sample = nx.Graph(edges[:, owner[edges[0]] == 3].T.tolist())
spots = nx.kamada_kawai_layout(sample)
for ends in sample.edges:
    left.plot(*np.array([spots[atom] for atom in ends]).T, color="0.5", zorder=1)
left.scatter(*np.array(list(spots.values())).T, color="C0", s=50, zorder=2)
left.set_axis_off()
left.set_title("a molecule", fontsize=10)
right.plot(errors, "o", color="C0")
right.plot(mean_error, color="C0", label="its bonds")
right.axhline(row, color="0.5", ls="--", label="in a row, 3 steps")
right.set(xticks=range(4), xlabel="steps", ylabel="error / spread", ylim=(0, 0.85))
right.legend(fontsize=9)
fig.set_label(
    "Left a tree of atoms. Right the error over the number of steps, from "
    f"{mean_error[0]:.2f} without any to {mean_error[3]:.2f} with three; a dashed line "
    f"for bonds put in a row lies at {row:.2f}."
)

# %%
# News on its way
# ---------------
# What one member hears: the news of all others, each by a shortest way. A step of a
# message passing network takes all of them one edge on.

HEARER, BETWEEN = 16, 4
ways_home = nx.single_target_shortest_path(nx.Graph(edge_index.T.tolist()), HEARER)
distance = np.array([len(ways_home[member]) - 1 for member in range(34)])
assert [(distance <= k).sum() for k in range(6)] == [1, 3, 6, 18, 26, 34]


def underway(time: float) -> np.ndarray:
    """Places of the messages that have left and have not arrived, in the plane."""
    edge, part = int(time), time % 1
    ways = [way for way in ways_home.values() if len(way) - 1 > edge]
    ends = place[[way[edge : edge + 2] for way in ways]].reshape(-1, 2, 2)
    return (1 - part) * ends[:, 0] + part * ends[:, 1]


fig, ax = plt.subplots(figsize=(6.4, 4.2))
for ends in edge_index.T.tolist():
    ax.plot(*place[ends].T, color="0.5", lw=0.6, zorder=1)
ax.set_axis_off()
heard = ax.scatter(*place.T, s=110, zorder=2)
messages = ax.scatter([], [], s=22, color="C1", zorder=3)
ax.annotate("member 16", place[HEARER], (8, -14), textcoords="offset points")


def travel(frame: int) -> None:
    time = min(frame / BETWEEN, 5)
    arrived = distance <= int(time)
    heard.set_color(
        [f"C{int(distance[m])}" if arrived[m] else "0.5" for m in range(34)]
    )
    messages.set_offsets(underway(time))
    ax.set_title(f"step {int(time)}: news of {arrived.sum()}", fontsize=10)


travelling = FuncAnimation(fig, travel, frames=5 * BETWEEN + 1, interval=250)
fig.set_label(
    "The club with member 16 at its edge. Dots start at all other members and move "
    "along friendships toward member 16. After each step the members whose news has "
    "arrived take a color: 3, then 6, 18, 26 and at last all 34."
)

measured = {
    "mean_64": float(left_over["mean"][DEPTH]),
    "mean_16": float(left_over["mean"][SHOWN]),
    "rate": rate,
    "layers_8": float(left_over["layers"][8]),
    "skipped_64": float(left_over["layers with skip"][DEPTH]),
    "maximum_4": float(left_over["maximum"][4]),
    "guessed_0": guessed[0],
    "guessed_4": guessed[4],
    "guessed_16": guessed[SHOWN],
    **{f"error_{steps}": float(value) for steps, value in enumerate(mean_error)},
    "row": float(row),
}
