"""
Sampled negatives change which recommender wins
===============================================

A figure of :doc:`/recommenders/recommender_systems`: the hit rate in the first ten
places when a liked film is ranked among few sampled films, and among all of them.
"""

import matplotlib.pyplot as plt
import numpy as np

from snippets.recommenders.movielens import load
from snippets.recommenders.rating_splits import (
    evaluated_users,
    last_per_user,
    liked,
    marks,
)
from snippets.recommenders.recommender_systems import ease_scores, item_knn, scores
from snippets.recommenders.sampled_metrics import items_above, sampled_hits
from snippets.recommenders.user_bootstrap import interval

K, NEGATIVES, HIDDEN = 10, (20, 50, 100, 200, 500, 1000), 5
ratings = liked(load()[0])
size = int(ratings.users.max()) + 1, int(ratings.items.max()) + 1
train, test = (marks(part, *size) for part in last_per_user(ratings, HIDDEN))
users = evaluated_users(train, test)
seen, relevant = train[users], test[users]
systems = {
    "EASE": ease_scores(seen, train, 200.0),
    "item-kNN, 5 neighbors": scores(seen, item_knn(train, 5)),
    "popularity": np.tile(train.sum(axis=0), (len(users), 1)).astype(float),
}
hit = {}
for name, score in systems.items():
    above, others = items_above(score, seen, relevant)
    hit[name] = [sampled_hits(above, others, number, K) for number in NEGATIVES]
    hit[name].append((above < K).astype(float))  # among all other films
rates = {name: np.mean(each, axis=1) for name, each in hit.items()}
five, popular = (hit[name] for name in ("item-kNN, 5 neighbors", "popularity"))
readers = np.repeat(users, HIDDEN)
lead = [interval(p - k, readers) for p, k in zip(popular, five, strict=True)]

fig, ax = plt.subplots(figsize=(6.8, 3.2), layout="constrained")
styles = ("C1-", "C2--", "C0:")
for (name, rate), style in zip(rates.items(), styles, strict=True):
    ax.plot(range(len(rate)), rate, style, marker="o", label=name)
ax.set_xticks(range(len(NEGATIVES) + 1), [*NEGATIVES, "all"])
ax.set(xlabel="other films that a liked film is ranked among", yscale="log")
ax.set(ylabel=f"hit rate in {K} places")
ax.set_yticks([0.05, 0.1, 0.2, 0.5, 1], ["5%", "10%", "20%", "50%", "100%"])
ax.minorticks_off()
ax.legend()
ease, few, pop = rates.values()
measured = {"few_20": few[0], "pop_20": pop[0], "few_all": few[-1], "pop_all": pop[-1]}
measured |= {"lead_20": lead[0][0], "lead_all": lead[-1][1]}
five_scores = systems["item-kNN, 5 neighbors"][relevant]
measured["zeros"] = (five_scores == 0).mean()
assert (five[-1][five_scores == 0] == 0).all()  # none among the first of all films
fig.set_label(
    f"Hit rate in {K} places, among {NEGATIVES[0]} sampled films and among all: EASE "
    f"{ease[0]:.0%} and {ease[-1]:.1%}, item-kNN with 5 neighbors {few[0]:.0%} and "
    f"{few[-1]:.1%}, popularity {pop[0]:.0%} and {pop[-1]:.1%}. The lines of item-kNN "
    "and popularity cross near 50 sampled films."
)
assert lead[0][0] > 0 > lead[-1][1]
assert abs(pop[1] / few[1] - 1) < 0.1  # where the lines cross
