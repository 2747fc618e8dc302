"""
Alternating least squares and gradient descent, pass by pass
============================================================

A figure of :doc:`/recommenders/matrix_factorization`: error on ratings of films held
out for validation, after each pass over the others, in one trial.
"""

import matplotlib.pyplot as plt
import numpy as np

from snippets.recommenders.factor_descent import sgd
from snippets.recommenders.matrix_factorization import Factors, als
from snippets.recommenders.movielens import load
from snippets.recommenders.rating_biases import Biases, residuals
from snippets.recommenders.rating_trials import best_biases, draw_trial, rmse

SIZE, PENALTY, ALS_PASSES = 10, 0.2, 20
RATE, SGD_PENALTY, SGD_PASSES, BATCH = 0.01, 0.05, 60, 1000  # SGD: best of 12

trial = draw_trial(load()[0], 0)
biases, (users, items) = best_biases(trial), trial.table.shape
cells, values = trial.table.tocoo().coords, trial.table.data


def by_als():
    """Validation and test error after each pass of ALS on what the biases leave."""
    left, rng = residuals(trial.table, biases), np.random.default_rng(0)
    factors = Factors(
        np.zeros((users, SIZE)), rng.normal(scale=0.1, size=(items, SIZE))
    )
    for _ in range(ALS_PASSES):
        factors = als(left, factors.items, PENALTY, passes=1)
        yield [rmse(part, biases, factors) for part in (trial.validation, trial.test)]


def by_sgd():
    """The same of gradient descent on biases and factors, which begin near 0."""
    rng = np.random.default_rng(0)
    flat = Biases(biases.mean, np.zeros(users), np.zeros(items))
    drawn = [rng.normal(scale=0.01, size=(rows, SIZE)) for rows in (users, items)]
    model = flat, Factors(*drawn)
    for _ in range(SGD_PASSES):
        batches = np.array_split(rng.permutation(len(values)), len(values) // BATCH)
        model = sgd(*cells, values, model, batches, RATE, SGD_PENALTY)
        yield [rmse(part, *model) for part in (trial.validation, trial.test)]


found = {"ALS": np.array(list(by_als())), "SGD": np.array(list(by_sgd()))}
best = {name: errors[:, 0].argmin() for name, errors in found.items()}
base = [rmse(part, biases) for part in (trial.validation, trial.test)]

fig, ax = plt.subplots(figsize=(6.4, 3.3), layout="constrained")
for (name, errors), look in zip(found.items(), ("C0-o", "C1--s"), strict=True):
    passes = np.arange(1, len(errors) + 1)
    ax.plot(passes, errors[:, 0], look[:-1], label=name)
    ax.plot(passes[best[name]], errors[best[name], 0], look[:2] + look[-1])
ax.axhline(base[0], color="0.5", linewidth=1)
ax.annotate("biases", (1, base[0]), (0, 3), textcoords="offset points", fontsize=9)
ax.set(xlabel="passes over the ratings", ylabel="validation error, stars")
ax.set(xscale="log", xticks=(1, 2, 5, 10, 20, 40, 60), ylim=(0.87, 0.95))
ax.set_xticklabels([1, 2, 5, 10, 20, 40, 60])
ax.minorticks_off()
ax.legend()
low, descent = found["ALS"][best["ALS"]], found["SGD"]
stop = best["SGD"]
fig.set_label(
    f"Validation error by pass; biases have {base[0]:.3f}. ALS begins there, falls to "
    f"{low[0]:.3f} and stays. SGD begins at {descent[0, 0]:.3f}, has "
    f"{descent[stop, 0]:.3f} after {stop + 1} passes, and ends at {descent[-1, 0]:.3f}."
)
measured = {"base": base[1], "als": low[1], "stop": stop + 1.0}
measured |= {"sgd": descent[stop, 1], "late": descent[-1, 1]}
assert abs(low - descent[stop]).max() < 0.003 < base[0] - low[0] - 0.005
assert descent[-1, 0] > descent[stop, 0] + 0.008
assert np.ptp(found["ALS"][-5:, 0]) < 0.001
