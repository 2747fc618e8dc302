"""
Two sources of candidates and a ranker, split by time
=====================================================

A figure of :doc:`/recommenders/recommender_systems`: recall of popularity, EASE, and
LambdaRank on the candidates of both, when nothing later than a cut is known; and how
many of the films that a user will like are among the candidates.
"""

import matplotlib.pyplot as plt
import numpy as np

from snippets.recommenders import film_windows
from snippets.recommenders.ranked_lists import top_k
from snippets.recommenders.user_bootstrap import interval

K, FIRST, SIZES = 20, 6, (50, 100, 200, 500)
NAMES = ("popularity", "last year", "EASE", "fusion", "ranker")
windows = film_windows.film_windows()
later = windows[FIRST:]
users = np.concatenate([window.users for window in later])


def lists(name):
    """Lists of K films in each of the later windows."""
    if name == "ranker":
        numbers = range(FIRST, len(windows))
        return [film_windows.rank_from_past(windows, each)[:, :K] for each in numbers]
    fusion = name == "fusion"
    scores = [film_windows.fused(w) if fusion else w.sources[name] for w in later]
    return [top_k(each, w.seen, K) for each, w in zip(scores, later, strict=True)]


recalls = {}
for name in NAMES:
    pairs = list(zip(lists(name), later, strict=True))
    recalls[name] = np.concatenate([film_windows.recalls(*pair) for pair in pairs])
means = np.array([recalls[name].mean() for name in NAMES])
ends = np.array([interval(recalls[name], users) for name in NAMES])

fig, (left, right) = plt.subplots(1, 2, figsize=(6.8, 3.2), layout="constrained")
left.bar(range(5), means, color=["C0", "C0", "C1", "C2", "C3"])
left.errorbar(range(5), means, abs(ends.T - means), fmt="none", ecolor="0.5", capsize=3)
labels = "popular,\never", "popular,\nlast year", "EASE", "fusion", "Lambda-\nRank"
left.set_xticks(range(5), labels, fontsize=8)
left.set_ylabel(f"recall@{K}")
curves = {"last year": [], "EASE": [], "half of each": []}
for label, style in zip(curves, ("C0:", "C1--", "C3-"), strict=True):
    parts = ("EASE", "last year") if label == "half of each" else (label,)
    curves[label] = [film_windows.share_found(later, parts, n) for n in SIZES]
    right.plot(SIZES, curves[label], style, marker="o", label=label)
right.set(xlabel="candidates", ylabel="liked films found", xscale="log", ylim=(0, None))
right.set_xticks(SIZES, SIZES)
right.minorticks_off()
right.legend()
for axes in (left, right):
    axes.yaxis.set_major_formatter("{x:.0%}")
found = [curve[1] for curve in curves.values()]
fig.set_label(
    f"Left: recall@{K}: popularity {means[0]:.1%}, of the last year {means[1]:.1%}, "
    f"EASE {means[2]:.1%}, fusion {means[3]:.1%}, LambdaRank {means[4]:.1%}. Right: "
    f"liked films among 100 candidates: last year {found[0]:.0%}, EASE {found[1]:.0%}, "
    f"half of each {found[2]:.0%}."
)
measured = {"year": means[1], "ease": means[2], "ranker": means[4]}
ease = interval(recalls["last year"] - recalls["EASE"], users)
year = interval(recalls["ranker"] - recalls["last year"], users)
measured |= {"tie_low": ease[0], "tie_high": ease[1]}
measured |= {"gain_low": year[0], "gain_high": year[1], "fresh": means[1] / means[0]}
measured |= {"lists": len(users), "people": len(set(users))}
assert year[0] > 0 > ease[0]
assert found[2] > max(found[:2])
