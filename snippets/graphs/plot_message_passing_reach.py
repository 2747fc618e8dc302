"""
Message passing: how many steps it takes to reach one node
==========================================================

Figure for :doc:`/graphs/message_passing`: messages of all members of the karate club
move toward member 16, one friendship a step.
"""

import matplotlib.pyplot as plt
import networkx as nx
import numpy as np
from matplotlib.animation import FuncAnimation

from snippets.graphs.karate_club import karate_club, seats

edge_index, _ = karate_club()
RECEIVER, FRAMES = 16, 4  # frames from one step to the next

# %%
# Shortest paths to one member
# ----------------------------

club = nx.Graph(edge_index.T.tolist())
paths = nx.single_target_shortest_path(club, RECEIVER)
distance = np.array([len(paths[member]) - 1 for member in range(34)])
within = [int((distance <= step).sum()) for step in range(6)]
assert within == [1, 3, 6, 18, 26, 34]

place = np.array([seats()[member] for member in range(34)])


def moving(time: float) -> np.ndarray:
    """Places of the messages that have not arrived, in the plane."""
    edge, part = int(time), time % 1
    on_the_way = [path for path in paths.values() if len(path) - 1 > edge]
    ends = place[[path[edge : edge + 2] for path in on_the_way]].reshape(-1, 2, 2)
    return (1 - part) * ends[:, 0] + part * ends[:, 1]


# %%
# Five steps
# ----------

fig, ax = plt.subplots(figsize=(6.4, 4.2))
for ends in edge_index.T.tolist():
    ax.plot(*place[ends].T, color="0.5", lw=0.6, zorder=1)
ax.set_axis_off()
members = ax.scatter(*place.T, s=110, zorder=2)
messages = ax.scatter([], [], s=22, color="C1", zorder=3)
name = f"member {RECEIVER}"
ax.annotate(name, place[RECEIVER], (8, -14), textcoords="offset points")


def draw(frame: int) -> None:
    time = min(frame / FRAMES, 5)
    arrived = distance <= int(time)
    members.set_color(
        [f"C{int(distance[m])}" if arrived[m] else "0.5" for m in range(34)]
    )
    messages.set_offsets(moving(time))
    ax.set_title(f"step {int(time)}: {arrived.sum()} members known", fontsize=10)


animation = FuncAnimation(fig, draw, frames=5 * FRAMES + 1, interval=250)
fig.set_label(
    f"The club with member {RECEIVER} at its edge. Dots start at all other members and "
    f"move along friendships toward member {RECEIVER}. After each step the members "
    f"whose message has arrived take a color: {within[1]}, then {within[2]}, "
    f"{within[3]}, {within[4]}, and finally all {within[5]}."
)
