"""
Graph Laplacian: heat that spreads through the karate club
==========================================================

Animation for :doc:`/graphs/graph_laplacian`: diffusion from the instructor, and the two
sides of the club beside what the Fiedler vector alone would do.
"""

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.animation import FuncAnimation

from snippets.graphs.adjacency_matrix import adjacency_matrix
from snippets.graphs.graph_laplacian import diffuse, fiedler_vector, laplacian
from snippets.graphs.karate_club import karate_club, seats

edge_index, faction = karate_club()
club = adjacency_matrix(edge_index, 34).double()
place = np.array([seats()[member] for member in range(34)])

# %%
# Diffusion
# ---------

start = torch.zeros(34).double()
start[0] = 1
times = np.linspace(0, 2.6, 18) ** 2
heat = torch.stack([diffuse(start, club, time) for time in times])
means = torch.stack([heat[:, faction == side].mean(1) for side in (0, 1)], dim=1)

fiedler, eigenvalue = fiedler_vector(club), torch.linalg.eigvalsh(laplacian(club))[1]
gap = fiedler[0] * (fiedler[faction == 0].mean() - fiedler[faction == 1].mean())
alone = torch.exp(-eigenvalue * torch.from_numpy(times)) * gap
assert abs((means[-1, 0] - means[-1, 1]) / alone[-1] - 1) < 0.05
assert np.allclose(heat.sum(1), 1)

# %%
# The figure
# ----------

fig, (left, right) = plt.subplots(1, 2, figsize=(6.4, 3.2))
for ends in edge_index.T.tolist():
    left.plot(*place[ends].T, color="0.5", lw=0.6, zorder=1)
left.set_axis_off()
dots = left.scatter(*place.T, c=heat[0], s=60, cmap="viridis", norm="log", zorder=2)
dots.set_clim(0.003, 0.3)
fig.colorbar(dots, ax=left, label="heat", shrink=0.8, location="bottom")
lines = [right.plot([], [], "o-", ms=3, color=f"C{side}")[0] for side in (0, 1)]
for side, sign in enumerate((1, -1)):
    right.plot(times, 1 / 34 + sign * alone / 2, "--", color=f"C{side}", lw=1)
right.axhline(1 / 34, color="0.5", ls=":")
right.set(xlim=(-0.2, 7), ylim=(0, 0.065), xlabel="time", ylabel="mean heat")


def draw(frame: int) -> None:
    frame = min(frame, len(times) - 1)
    dots.set_array(heat[frame].clamp(min=1e-3).numpy())
    left.set_title(f"time {times[frame]:.1f}", fontsize=10)
    for side, line in enumerate(lines):
        line.set_data(times[: frame + 1], means[: frame + 1, side])


animation = FuncAnimation(fig, draw, frames=len(times) + 2, interval=400)
fig.set_label(
    "Left the club, at first bright at the instructor alone, then in the upper half, "
    "at last evenly everywhere. Right the mean heat of the two sides: "
    f"{means[0, 0]:.3f} and 0 at first, quickly approaching, then along the dashed "
    f"lines toward {1 / 34:.3f}."
)
measured = {"half_life": np.log(2) / eigenvalue}
