"""
The more information is missing, the slower EM converges
========================================================

A figure of :doc:`/classical/expectation_maximization`. Forty data sets, each of 20 sets
of ten throws by each of two coins. From data set to data set the true heads
probabilities move apart, so that the coins become easier to tell apart.
"""

import matplotlib.pyplot as plt
import numpy as np

from snippets.classical.expectation_maximization import convergence_rate, em_coins

rng = np.random.default_rng(0)
gaps, throws = np.linspace(0.25, 0.7, 40), 10
rates, distances = [], []
for gap in gaps:
    heads = np.concatenate([rng.binomial(10, 0.5 + s * gap / 2, 20) for s in (-1, 1)])
    path = np.array(list(em_coins(np.array([0.45, 0.6]), heads, throws, 300)))
    distance = np.linalg.norm(path - path[-1], axis=1)
    last = np.flatnonzero(distance > 1e-9)[-1]
    predicted = convergence_rate(path[-1], heads, throws)
    rates.append([predicted, distance[last] / distance[last - 1]])
    distances.append(distance)
predicted, observed = np.array(rates).T
assert np.abs(predicted - observed).max() < 0.05

fig, (left, ax) = plt.subplots(1, 2, figsize=(6.2, 3.2), layout="constrained")
fig.set_label(
    "Left: distance from the maximum over iterations, logarithmic; three straight "
    "lines, the steeper the smaller the factor. Right: forty dots on the diagonal, the "
    "observed factor per iteration against the predicted one, "
    f"from {predicted.min():.2f} to {predicted.max():.2f}."
)
for number in np.argsort(predicted)[[0, 20, 39]]:
    kept = distances[number][distances[number] > 1e-9]
    name = f"predicted factor {predicted[number]:.2f}"
    left.semilogy(kept, ".-", label=name)
left.set(xlabel="iteration", ylabel="distance from the maximum", ylim=(1e-9, 100))
left.legend(fontsize="x-small", loc="upper right")
ax.plot([0, 1], [0, 1], color="0.5", ls="--")
ax.plot(predicted, observed, "o", alpha=0.6)
ax.set(xlabel="predicted factor", ylabel="observed factor", aspect="equal")

measured = {"rate_error": np.abs(predicted - observed).max()}
