"""
The bound on a score falls with distance; random scores do not
==============================================================

The bound of Su et al., the score of a query and a key of ones, and the standard
deviation of random scores, each relative to distance zero. See :doc:`/positions/rope`.
"""

import math

import matplotlib.pyplot as plt
import torch

from snippets.positions.rope import angles, decay_bound, frequencies, rotate

torch.manual_seed(0)
distances = torch.arange(0, 1001)
plain = frequencies(128)
bound = decay_bound(distances, plain)
equal = rotate(torch.ones(1001, 128).double(), angles(distances, plain)).mean(-1)
random_query, random_key = torch.randn(2, 400, 1, 128, dtype=torch.float64)
rotated = rotate(random_key.expand(-1, 1001, -1), angles(distances, plain))
spread = (random_query * rotated).sum(-1).square().mean(0).sqrt() / math.sqrt(128)

assert bound[1] < 1
assert bound[50:].max() < 0.45
assert bound[500:].max() < 0.4
assert (spread - 1).abs().max() < 0.25

fig, ax = plt.subplots()
ax.plot(distances, spread, color="C2", label="random queries and keys, std. deviation")
ax.plot(distances, bound, color="C1", label="bound of the paper")
ax.plot(distances, equal, color="C0", label="query and key of ones")
ax.set(xlabel="distance (positions)", ylabel="score, relative", ylim=(-0.05, 1.25))
ax.legend(loc="center right", bbox_to_anchor=(1, 0.6))
fig.set_label(
    "Three lines over distances to 1000. The bound and the score of vectors of ones "
    "fall from one, fast at first, to below 0.2; the standard deviation of random "
    "scores stays near one."
)

measured = {
    "bound_50": bound[50],
    "bound_1000": bound[1000],
    "bound_1000_llama3": decay_bound(distances, frequencies(128, 5e5))[1000],
    "spread_1000": spread[1000],
}
