"""
EM reaches one of the two maxima from all starts off the diagonal
=================================================================

A figure of :doc:`/classical/expectation_maximization`. The paths of EM over the heads
probabilities of two coins, from nine starts of a grid of 380.
"""

import matplotlib.pyplot as plt
import numpy as np
from scipy.optimize import minimize

from snippets.classical.expectation_maximization import em_coins
from snippets.classical.maximum_likelihood import coin_log_joint, hidden_log_likelihood

heads, throws = np.array([5, 9, 8, 4, 7]), 10
*_, best = em_coins(np.array([0.6, 0.5]), heads, throws, 200)


def far(chances):
    """Distance from the nearer of the two maxima."""
    return min(np.abs(chances - best).max(), np.abs(chances[::-1] - best).max())


firsts, seconds = np.linspace(0.025, 0.975, 20), np.linspace(0.05, 0.95, 19)
starts = [np.array([a, b]) for a in firsts for b in seconds]  # none on the diagonal
ends = [list(em_coins(start, heads, throws, 120))[-1] for start in starts]
arrived = np.mean([far(end) < 1e-3 for end in ends])
assert arrived == 1


def loss(chances):
    return -hidden_log_likelihood(coin_log_joint(chances, heads, throws))


ends = [minimize(loss, start, bounds=[(1e-4, 1 - 1e-4)] * 2).x for start in starts]
lbfgs = np.mean([far(end) < 1e-3 for end in ends])  # L-BFGS-B, because of the bounds
assert lbfgs > 0.95

*_, stuck = em_coins(np.array([0.6, 0.6]), heads, throws, 100)
nudged = np.array(list(em_coins(np.array([0.66, 0.660001]), heads, throws, 100)))
leaves = np.argmax(np.abs(nudged[:, 0] - nudged[:, 1]) > 0.1)
assert np.allclose(stuck, 0.66)
assert 10 < leaves < 60
path = list(em_coins(np.array([0.6, 0.5]), heads, throws, 10))

fig, ax = plt.subplots(figsize=(4.8, 4.8))
fig.set_label(
    "Contours of a log-likelihood over the probabilities of two coins, symmetric "
    "about the diagonal. Paths from nine starts take a long first step and then short "
    f"ones; eight end at {best[0]:.2f}, {best[1]:.2f} or at its mirror image. A start "
    "on the diagonal ends at the saddle point between them, at 0.66."
)
axis = np.linspace(0.0125, 0.9875, 60)
grid = np.stack(np.meshgrid(axis, axis), -1)
heights = -np.apply_along_axis(loss, -1, grid)
levels = heights.max() + np.array([-32, -16, -8, -4, -2, -1, -0.48, -0.2, -0.05])
ax.contour(axis, axis, heights, levels, colors="0.5", linewidths=0.8, linestyles="-")
some = [(0.1, 0.05), (0.9, 0.1), (0.5, 0.15), (0.3, 0.6), (0.05, 0.9)]
some += [(0.6, 0.95), (0.95, 0.85), (0.4, 0.35), (0.2, 0.2)]
for start in some:
    way = np.array(list(em_coins(np.array(start), heads, throws, 120)))
    ax.plot(*way.T, ".-", lw=1.2, ms=4, color="C3" if start[0] == start[1] else "C0")
    ax.plot(*way[0], "o", mfc="none", color="C1")
ax.plot(*np.array([best, best[::-1]]).T, "^", color="C2", ms=9, label="a maximum")
ax.plot(0.66, 0.66, "X", color="C3", ms=9, label="the saddle")
ax.plot([], [], "o", mfc="none", color="C1", label="a start")
ax.legend(fontsize="small", loc="lower center", bbox_to_anchor=(0.5, 1), ncols=3)
ax.set(xlabel="heads, first coin", ylabel="heads, second coin", aspect="equal")
ax.set(xlim=(0, 1), ylim=(0, 1))

measured = {
    "first_a": path[1][0],
    "first_b": path[1][1],
    "tenth_a": path[10][0],
    "tenth_b": path[10][1],
    "to_maximum": arrived,
    "lbfgs": lbfgs,
    "leaves": leaves,
}
