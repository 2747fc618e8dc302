"""
Message passing: differences between nodes fade
===============================================

Figure for :doc:`/graphs/message_passing`: how much of the differences between members
of the karate club is left after repeated steps of four kinds.
"""

import matplotlib.pyplot as plt
import torch

from snippets.graphs.adjacency_matrix import adjacency_matrix, with_self_loops
from snippets.graphs.graph_laplacian import normalized_laplacian
from snippets.graphs.karate_club import karate_club
from snippets.graphs.message_passing import (
    MessagePassing,
    propagate,
    scatter_max,
    scatter_mean,
)

edge_index, _ = karate_club()
loops = with_self_loops(edge_index, 34)
DEPTH, SHOWN = 64, 16

# %%
# Four kinds of steps
# -------------------


@torch.no_grad()
def untrained(x: torch.Tensor) -> torch.Tensor:
    layer = MessagePassing(features=16, edge_features=0, aggregate=scatter_mean)
    return layer.double()(x, edge_index, x.new_zeros(edge_index.shape[1], 0))


ways = {
    "mean": lambda x: propagate(x, loops, scatter_mean),
    "maximum": lambda x: propagate(x, loops, scatter_max),
    "layers": untrained,
    "layers with skip": lambda x: x + untrained(x),
}
left = {}  # differences after each step, as a multiple of those at the start
for name, step in ways.items():
    torch.manual_seed(0)
    own = [torch.randn(34, 16, dtype=torch.float64)]
    for _ in range(DEPTH):
        own.append(step(own[-1]))
    x = torch.stack(own)
    apart = (x - x.mean(dim=1, keepdim=True)).norm(dim=(1, 2))
    left[name] = (apart / apart[0]).numpy()

laplacian = normalized_laplacian(adjacency_matrix(loops, 34).double())
rate = 1 - torch.linalg.eigvalsh(laplacian)[1].item()
mean, maximum, layers, skip = left.values()
assert 0.02 < mean[SHOWN] < 0.05
assert mean[DEPTH] < 0.001
assert abs(mean[64] / mean[63] - rate) < 1e-3
assert maximum[5] < 1e-9
assert layers[8] < 0.005
assert skip[DEPTH] > 2

# %%
# Sixteen steps
# -------------

fig, ax = plt.subplots(figsize=(6.4, 3.2), layout="constrained")
for name, differences in left.items():
    ax.plot(differences[: SHOWN + 1], label=name)
ax.set(xlim=(0, SHOWN), ylim=(1e-4, 10), yscale="log")
ax.set(xlabel="steps", ylabel="differences / at the start")
ax.legend(loc="lower right")
fig.set_label(
    f"Differences over {SHOWN} steps, relative to the start, on a logarithmic scale. "
    f"At the end: {mean[SHOWN]:.3f} for the mean, zero from step 5 on for the maximum, "
    f"{layers[SHOWN]:.0e} for layers, {skip[SHOWN]:.1f} for layers with skip."
)

measured = {"mean_1": mean[1], "mean_16": mean[16], "mean_64": mean[64], "rate": rate}
measured |= {"layers_8": layers[8], "skipped_64": skip[64]}
