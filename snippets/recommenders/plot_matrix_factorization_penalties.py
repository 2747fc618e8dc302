"""
What factors add to biases, by penalty
======================================

A figure of :doc:`/recommenders/matrix_factorization`: test error of ALS on what the
biases leave, for ratings of films and of lecturers, in three trials each.
"""

import matplotlib.pyplot as plt
import numpy as np

from snippets.recommenders import lecture_ratings, movielens
from snippets.recommenders.matrix_factorization import als
from snippets.recommenders.rating_biases import Biases, residuals
from snippets.recommenders.rating_trials import best_biases, draw_trial, rmse

PENALTIES, SIZES, PASSES, SEEDS = (0.05, 0.1, 0.2, 0.4), (2, 10), 10, 3


def run(ratings, seed):
    """Test errors of the mean, of biases, of all settings, and of the chosen one."""
    trial = draw_trial(ratings, seed)
    biases = best_biases(trial)
    left, (users, items) = residuals(trial.table, biases), trial.table.shape
    rng, errors = np.random.default_rng(seed), np.empty((2, len(SIZES), len(PENALTIES)))
    for row, size in enumerate(SIZES):
        start = rng.normal(scale=0.1, size=(items, size))
        for column, penalty in enumerate(PENALTIES):
            factors = als(left, start, penalty, PASSES)
            parts = trial.validation, trial.test
            errors[:, row, column] = [rmse(part, biases, factors) for part in parts]
    chosen = errors[1].flat[errors[0].argmin()]  # the lowest on the validation part
    mean = rmse(trial.test, Biases(biases.mean, np.zeros(users), np.zeros(items)))
    return mean, rmse(trial.test, biases), errors[1], chosen


sources = {"films": movielens.load()[0], "lecturers": lecture_ratings.load()}
fig, axes = plt.subplots(1, 2, figsize=(6.8, 3.1), layout="constrained")
measured, parts = {}, []
for ax, (name, ratings) in zip(axes, sources.items(), strict=True):
    found = [run(ratings, seed) for seed in range(SEEDS)]
    mean, bias, chosen = (np.array([one[part] for one in found]) for part in (0, 1, 3))
    above = np.array([errors - bias for _, bias, errors, _ in found])
    for row, (size, look) in enumerate(zip(SIZES, ("C1--s", "C0-o"), strict=True)):
        ax.plot(PENALTIES, above[:, row].mean(axis=0), look, label=f"{size} factors")
        ax.plot(PENALTIES, above[:, row].T, look[:2] + look[-1], markersize=3)
    ax.axhline(0, color="0.5", linewidth=1)
    ax.set_title(
        f"{name}: mean {mean.mean():.3f}, biases {bias.mean():.3f}", fontsize=10
    )
    ax.set(xlabel="penalty λ", xscale="log", xticks=PENALTIES)
    ax.set_xticklabels(PENALTIES)
    ax.minorticks_off()
    measured |= {f"{name}_mean": mean.mean(), f"{name}_biases": bias.mean()}
    measured[f"{name}_share"] = 1 - (bias**2).mean() / (mean**2).mean()
    measured[f"{name}_gain"] = (bias - chosen).mean()
    measured[f"{name}_more"] = ((bias**2 - chosen**2) / mean**2).mean()
    measured[f"{name}_small"] = (above[:, 1, 0] - above[:, 0, 0]).min()
    measured[f"{name}_step"] = (above[:, 1, 2] - above[:, 0, 2]).max()
    ends = [f"{above[:, row, 0].mean():.3f}" for row in (0, 1)]
    parts.append(
        f"{name}: biases {bias.mean():.3f}; at λ = {PENALTIES[0]}, 2 factors are "
        f"{ends[0]} above and 10 are {ends[1]} above; at λ = {PENALTIES[2]}, 10 "
        f"factors differ by {above[:, 1, 2].mean():+.3f}, at {PENALTIES[-1]} by "
        f"{above[:, 1, -1].mean():+.4f}"
    )
    assert (above[:, :, 0] > 0.02).all()
    assert (above[:, 1, 0] > above[:, 0, 0]).all()
axes[0].set_ylabel("test error above biases, stars")
axes[0].legend()
fig.set_label("Test error minus that of biases, by penalty. " + ". ".join(parts) + ".")
assert 0.005 < measured["films_gain"] < 0.012
assert abs(measured["lecturers_gain"]) < 0.002
