"""
The same recommenders on random and on last ratings
===================================================

A figure of :doc:`/recommenders/recommender_systems`: recall and coverage.
"""

import matplotlib.pyplot as plt
import numpy as np

from snippets.recommenders.movielens import load
from snippets.recommenders.ranked_lists import coverage, hits, top_k
from snippets.recommenders.rating_splits import (
    evaluated_users,
    last_per_user,
    liked,
    marks,
    random_per_user,
)
from snippets.recommenders.recommender_systems import ease_scores, item_knn, scores
from snippets.recommenders.user_bootstrap import interval

HIDDEN, K, NEIGHBORS, PENALTY, SEEDS = 5, 20, 20, 200.0, 3
NAMES = "popularity", "item-kNN", "EASE"
ratings = liked(load()[0])
size = int(ratings.users.max()) + 1, int(ratings.items.max()) + 1


def evaluate(split):
    """Users; for each recommender recalls and coverage; recall of guessing."""
    train, test = (marks(part, *size) for part in split)
    users = evaluated_users(train, test)
    seen, relevant = train[users], test[users]
    lists = [
        top_k(np.tile(train.sum(axis=0), (len(users), 1)), seen, K),
        top_k(scores(seen, item_knn(train, NEIGHBORS)), seen, K),
        top_k(ease_scores(seen, train, PENALTY), seen, K),
    ]
    recalls = np.array([hits(each, relevant).sum(axis=1) / HIDDEN for each in lists])
    shares = [coverage(each, size[1]) for each in lists]
    return users, recalls, shares, (K / (~seen).sum(axis=1)).mean()


random = [evaluate(random_per_user(ratings, HIDDEN, s)) for s in range(SEEDS)]
runs = {"random": random, "last": [evaluate(last_per_user(ratings, HIDDEN))]}
users, _, _, guess = runs["last"][0]
fig, (left, right) = plt.subplots(1, 2, figsize=(6.8, 3.0), layout="constrained")
places, rows, ends = np.arange(len(NAMES)), [], {}
measured = {"users": len(users), "guess": guess}
for shift, (split, found) in zip((-0.2, 0.2), runs.items(), strict=True):
    recalls = np.mean([run[1] for run in found], axis=0)
    shares = np.mean([run[2] for run in found], axis=0)
    means = recalls.mean(axis=1)
    error = abs(np.array([interval(each, users) for each in recalls]).T - means)
    left.bar(places + shift, means, 0.4, label=f"{split} five hidden")
    left.errorbar(places + shift, means, error, fmt="none", ecolor="0.5", capsize=3)
    right.bar(places + shift, shares, 0.4)
    rows.append([f"{mean:.0%}" for mean in means])
    measured[f"{split}_ease"] = means[2]
    ends[split] = interval(recalls[2] - recalls[1], users)
inflation = measured["random_ease"] / means[2]
measured |= {"last_popularity": means[0], "inflation": inflation}
measured |= {"last_low": ends["last"][0], "last_high": ends["last"][1]}
measured["random_low"] = ends["random"][0]
left.set(ylim=(0, 0.42), ylabel=f"recall@{K}")
right.set(ylabel="share of catalog shown")
left.legend()
for axes in (left, right):
    axes.set_xticks(places, NAMES, fontsize=9)
    axes.yaxis.set_major_formatter("{x:.0%}")
both = [" and ".join(pair) for pair in zip(*rows, strict=True)]
fig.set_label(
    f"Left: recall@{K} with random and with last films hidden: popularity {both[0]}, "
    f"item-kNN {both[1]}, EASE {both[2]}. Right, for last films: share of the catalog "
    f"in a list: popularity {shares[0]:.0%}, item-kNN {shares[1]:.0%}, EASE "
    f"{shares[2]:.0%}."
)
assert min(inflation - 0.3, means[2] / means[0]) > 1.4
assert measured["random_low"] > 0.01 > 0 > measured["last_low"]
