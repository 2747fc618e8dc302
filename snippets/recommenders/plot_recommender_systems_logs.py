"""
The value of a new policy, estimated from the log of another
============================================================

A figure of :doc:`/recommenders/recommender_systems`: films were shown in proportion
to their likes; what would the lists of EASE have earned? Half of all likes are kept.
"""

import matplotlib.pyplot as plt
import numpy as np

from snippets.recommenders import off_policy
from snippets.recommenders.movielens import load
from snippets.recommenders.ranked_lists import top_k
from snippets.recommenders.rating_splits import at_random, evaluated_users, liked, marks
from snippets.recommenders.recommender_systems import ease_scores

K, SIZES, RUNS, SHOWN, EXPLORED = 20, (1000, 10_000, 100_000), 20, 100, 0.1
ratings = liked(load()[0])
size = int(ratings.users.max()) + 1, int(ratings.items.max()) + 1
train, test = (marks(part, *size) for part in at_random(ratings, 0.5))
users = evaluated_users(train, test)
seen, relevant, likes = train[users], test[users], train.sum(axis=0)
lists = top_k(ease_scores(seen, train[train.any(axis=1)], 200.0), seen, K)
target = np.zeros(seen.shape)
np.put_along_axis(target, lists, 1 / K, axis=1)  # one film of the list, at random
truth = (target * relevant).sum(axis=1).mean()

popular = off_policy.proportional(likes, ~seen)
uniform = off_policy.proportional(np.ones(size[1]), ~seen)
top = np.zeros(seen.shape, dtype=bool)
shown = top_k(np.tile(likes, (len(users), 1)), seen, SHOWN)
np.put_along_axis(top, shown, True, axis=1)
logs = {
    "each film can be shown": (1 - EXPLORED) * popular + EXPLORED * uniform,
    f"only {SHOWN} popular films": off_policy.proportional(likes, top),
}


def estimate(policy, entries, rng):
    """Naive, IPS, and SNIPS estimates from one log; mean weight; effective size."""
    asking, items = off_policy.draw_log(policy, entries, rng)
    rewards, chosen = relevant[asking, items].astype(float), target[asking, items]
    weights = off_policy.importance_weights(chosen, policy[asking, items])
    naive = off_policy.snips(rewards, chosen)  # as if all propensities were equal
    pair = off_policy.ips(rewards, weights), off_policy.snips(rewards, weights)
    return naive, *pair, weights.mean(), off_policy.effective_sample_size(weights)


rng = np.random.default_rng(0)
fig, both = plt.subplots(1, 2, figsize=(6.8, 3.2), sharey=True, layout="constrained")
ends, errors = [], []
for ax, (title, policy) in zip(both, logs.items(), strict=True):
    runs = [[estimate(policy, n, rng) for _ in range(RUNS)] for n in SIZES]
    means, spreads = np.mean(runs, axis=1), np.std(runs, axis=1)
    for number, name in enumerate(("naive", "IPS", "SNIPS")):
        at = np.array(SIZES) * 1.25 ** (number - 1)
        bars = {"fmt": "os^"[number], "color": f"C{number}", "capsize": 3}
        ax.errorbar(at, means[:, number], spreads[:, number], label=name, **bars)
    ax.axhline(truth, color="0.5", linestyle=":", label="truth")
    ax.set(xlabel="entries in the log", xscale="log", title=title)
    ax.yaxis.set_major_formatter("{x:.0%}")
    ends.append(means[-1])
    errors.append(np.sqrt(np.mean((np.array(runs)[..., :3] - truth) ** 2, axis=1)))
both[0].set_ylabel("likes per film shown")
both[0].legend(ncols=2, fontsize=8)
full, cut = ends
late, early = errors[0][-1], errors[0][0]
measured = dict(zip(("naive", "ips", "snips"), full[:3] - truth, strict=True))
measured |= {"truth": truth, "naive_error": late[0], "ips_error": late[1]}
measured |= {"naive_early": early[0], "ips_early": early[1], "size": full[4]}
measured["cut_weight"] = cut[3]
fig.set_label(
    f"Truth {truth:.1%}, and means of {RUNS} logs of {SIZES[-1]:,} entries. Left, each "
    f"film can be shown: naive {full[0]:.1%}, IPS {full[1]:.1%}, SNIPS {full[2]:.1%}. "
    f"Right, only {SHOWN} popular films: naive {cut[0]:.1%}, IPS {cut[1]:.1%}, SNIPS "
    f"{cut[2]:.1%}. Longer logs shrink the spreads, but not the gaps on the right."
)
assert abs(full[1:3] - truth).max() < 0.25 * abs(full[0] - truth)
assert abs(full[3] - 1) < 0.03 < min(0.9 - cut[3], truth - cut[1])
