"""
Cold movies lose against warm ones unless they have places of their own
=======================================================================

A figure of :doc:`/recommenders/llm_offline_augmentation`: hits in lists of 20 of warm
and cold movies, for three kinds of scores and by places kept for cold movies.
"""

import matplotlib.pyplot as plt
import numpy as np

from snippets.recommenders.cold_lists import (
    like_chances,
    mixed_scores,
    neighbor_scores,
    rehearse,
    with_slots,
)
from snippets.recommenders.cold_movies import both_ways, hide, load_world
from snippets.recommenders.ranked_lists import top_k

SEEDS, SLOTS, K = range(3), (0, 2, 5, 8, 10, 12, 15, 18, 20), 20


def all_scores(hidden, rng):
    """Similarity of tastes and contents, mixed scores, and chances of a like."""
    features = np.hstack([hidden.world.decades, hidden.world.genres]).astype(float)
    mixed, warm = mixed_scores(hidden.train, hidden.cold, features), ~hidden.cold
    rehearsal = rehearse(hidden.train[:, warm], features[warm], rng)
    chances = like_chances(mixed, hidden.cold, rehearsal, rng)
    return neighbor_scores(hidden.train, features, content=0.3), mixed, chances


def trial(seed):
    """Share of cold movies, warm and cold hits of each list; cold share of the test."""
    hidden, rng = hide(load_world(), seed, likes=0.2), np.random.default_rng(seed)
    cold, users = hidden.cold, both_ways(hidden)
    seen, test = hidden.train[users], hidden.test[users]
    scores = [each[users] for each in all_scores(hidden, rng)]
    lists = [top_k(each, seen, K) for each in scores]
    parts = [np.where(kind, scores[1], -np.inf) for kind in (~cold, cold)]
    warm, new = (top_k(part, seen, K) for part in parts)
    lists = np.array(lists + [with_slots(warm, new, slots) for slots in SLOTS])
    hit, new = np.array([np.take_along_axis(test, x, 1) for x in lists]), cold[lists]
    rows = new.mean(axis=2), (hit & ~new).sum(axis=2), (hit & new).sum(axis=2)
    return np.mean(rows, axis=2).T, test[:, cold].sum() / test.sum()


rows, test_share = zip(*(trial(seed) for seed in SEEDS), strict=True)
found = np.array(rows)  # seeds, lists, (share, warm hits, cold hits)
means, total = found.mean(axis=0), found[:, :, 1:].sum(axis=2)
best = 3 + total.mean(axis=0)[3:].argmax()

fig, (left, right) = plt.subplots(
    1, 2, figsize=(7.2, 3.2), sharey=True, layout="constrained"
)
names, kinds = ("alike", "mixed", "chances"), ("warm movies", "cold movies")
left.bar(names, means[:3, 1], color="C0")
left.bar(names, means[:3, 2], bottom=means[:3, 1], color="C1")
left.plot(np.tile(names, len(SEEDS)), total[:, :3].ravel(), ".C3")
left.set(xlabel="scores", ylabel="hits in a list of 20")
right.stackplot(SLOTS, *means[3:, 1:].T, colors=("C0", "C1"), labels=kinds)
right.set(xlabel="places kept for cold movies")
fig.legend(loc="outside upper center", ncols=2)
measured = {
    "mixed": means[1, 0], "mixed_hits": total[:, 1].mean(), "slots": SLOTS[best - 3],
    "chances_hits": total[:, 2].mean(), "slots_hits": total[:, best].mean(),
    "test": np.mean(test_share), "more": (total[:, 2] - total[:, 1]).min(),
}  # fmt: skip
fig.set_label(
    f"Left, hits in a list of 20: alike {total[:, 0].mean():.1f}, none of them cold; "
    f"mixed {total[:, 1].mean():.1f}, {means[1, 2]:.1f} of them cold; chances "
    f"{total[:, 2].mean():.1f}, {means[2, 2]:.1f} of them cold. Right: hits rise from "
    f"{means[3, 1]:.1f} with no place for cold movies to {means[best, 1:].sum():.1f} "
    f"with {SLOTS[best - 3]}, then fall to {means[-1, 2]:.1f}."
)
assert (found[:, 0, 0] == 0).all()
assert (found[:, 1, 0] < 0.05).all()
assert measured["more"] > 0.2
assert (total[:, best] > total[:, 1] + 0.2).all()
