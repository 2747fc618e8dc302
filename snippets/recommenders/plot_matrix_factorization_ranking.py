"""
Four recommenders that learn from likes alone
=============================================

A figure of :doc:`/recommenders/matrix_factorization`: recall and AUC of popularity,
SVD, implicit ALS and BPR for the last five liked films of each user.
"""

import matplotlib.pyplot as plt
import numpy as np

from snippets.recommenders.matrix_factorization import svd_factors
from snippets.recommenders.movielens import load
from snippets.recommenders.ranking_trials import (
    by_als,
    by_bpr,
    evaluate,
    like_trial,
)
from snippets.recommenders.rating_splits import last_per_user, liked
from snippets.recommenders.user_bootstrap import interval

SIZE, HIDDEN, K, SEEDS = 16, 5, 20, 3
ALS = {"alpha": 3.0, "penalty": 10.0}  # the best of 16 settings for five earlier films
BPR = {"passes": 40, "rate": 0.04, "penalty": 0.02}  # the best of 14
KEYS, METRICS = ("popularity", "svd", "als", "bpr"), (f"recall@{K}", "AUC")

ratings = liked(load()[0])
shape = int(ratings.users.max()) + 1, int(ratings.items.max()) + 1
trial = like_trial(last_per_user(ratings, HIDDEN), shape)


def mean_of_runs(fit, settings):
    """Recall and AUC of each user, averaged over seeds."""
    runs = []
    for seed in range(SEEDS):
        rng = np.random.default_rng(seed)
        users, items = fit(trial.train, SIZE, rng=rng, **settings)
        runs.append(evaluate(users @ items.T, trial, K))
    return np.mean(runs, axis=0)


counts = np.tile(trial.train.sum(axis=0).astype(float), (shape[0], 1))
users, items = svd_factors(trial.train, SIZE)
results = {
    "popularity": evaluate(counts, trial, K),
    "SVD": evaluate(users @ items.T, trial, K),
    "implicit ALS": mean_of_runs(by_als, ALS),
    "BPR": mean_of_runs(by_bpr, BPR),
}

fig, axes = plt.subplots(1, 2, figsize=(6.8, 2.9), layout="constrained")
measured, texts = {"users": float(len(trial.users))}, []
for column, (ax, metric) in enumerate(zip(axes, METRICS, strict=True)):
    each = np.array([result[column] for result in results.values()])
    means = each.mean(axis=1)
    error = abs(np.array([interval(one, trial.users, 500) for one in each]).T - means)
    ax.bar(range(4), means, color=["0.6", "C2", "C0", "C1"])
    ax.errorbar(range(4), means, error, fmt="none", ecolor="0.3", capsize=3)
    ax.set_xticks(range(4), [*results], fontsize=8.5)
    ax.set_ylabel(metric)
    pairs = zip(results, means, strict=True)
    texts.append(f"{metric}: " + ", ".join(f"{name} {x:.3f}" for name, x in pairs))
    kind = metric[:3].lower()
    measured |= {f"{kind}_{n}": x for n, x in zip(KEYS, means, strict=True)}
    low, high = interval(each[2] - each[3], trial.users, 500)
    measured |= {f"{kind}_low": low, f"{kind}_high": high}
axes[1].set_ylim(0.5, 1)
fig.set_label("Bar charts. " + ". ".join(texts) + ".")
ends = interval(results["implicit ALS"][0] - results["SVD"][0], trial.users, 500)
assert ends[0] < 0 < ends[1]
assert measured["rec_svd"] > 1.4 * measured["rec_popularity"]
assert measured["auc_low"] > -0.003
