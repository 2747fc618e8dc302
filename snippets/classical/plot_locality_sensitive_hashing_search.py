"""
Hashing and prefix filtering both compare few pairs
===================================================

A figure of :doc:`/classical/locality_sensitive_hashing`: pairs with a similarity of at
least 0.8. Right, times of two exact methods, divided by the time with hashing.
"""

import time

import matplotlib.pyplot as plt
import numpy as np

from snippets.classical.copied_documents import copied_documents
from snippets.classical.inverted_index import similar_pairs
from snippets.classical.locality_sensitive_hashing import (
    Sets,
    near_duplicates,
    random_permutations,
)
from snippets.classical.prefix_filtering import joined_pairs

THRESHOLD, permutations = 0.8, random_permutations(128)
sets = copied_documents(100_000).sets


def timed(search, *arguments, runs=2):
    """What the search returns, and the shortest processor time of several runs."""
    shortest = float("inf")
    for _ in range(runs):
        begin = time.process_time()
        found = search(*arguments)
        shortest = min(shortest, time.process_time() - begin)
    return *found, max(shortest, 1e-3)  # the clock may be coarse


counts, compared, ratios = [12_500, 50_000, 100_000], [], []
for count in counts:
    part = Sets(sets.members[: sets.starts[count]], sets.starts[: count + 1])
    wanted, sharing, slow = timed(similar_pairs, part, THRESHOLD, runs=1)
    joined, rare, exact = timed(joined_pairs, part, THRESHOLD)
    found, met, fast = timed(near_duplicates, part, permutations, 16, THRESHOLD)
    compared.append([count * (count - 1) / 2, sharing, rare, met])
    ratios.append([slow / fast, exact / fast])
    assert np.array_equal(joined, wanted)
compared, ratios = np.array(compared), np.array(ratios)
growth = np.polyfit(np.log(counts), np.log(compared), 1)[0]
assert len(found) > 0.98 * len(wanted)
assert sharing > 1000 * rare > 1000 * met
assert np.all(np.abs(growth - [2, 2, 1, 1]) < 0.25)

fig, (ax, right) = plt.subplots(1, 2, figsize=(6.4, 3), layout="constrained")
fig.set_label(
    "Left: all pairs and those that share a shingle grow with the square of the "
    "documents; pairs with a prefix member in common and candidates in proportion. "
    f"Right, for 100,000 documents: an inverted index takes {ratios[-1, 0]:.1f} times "
    f"the time of hashing, prefix filtering {ratios[-1, 1]:.1f} times."
)
labels = ["all", "share a shingle", "share a prefix member", "candidates of 16 bands"]
ax.loglog(counts, compared, "o-", label=labels)
ax.set(xlabel="documents", ylabel="pairs to compare", ylim=(100, 1e14))
ax.legend(fontsize="x-small", loc="upper left")
right.set_prop_cycle(plt.rcParams["axes.prop_cycle"][1:])  # colors as on the left
right.semilogx(counts, ratios, "o-", label=["inverted index", "prefix filtering"])
right.axhline(1, color="0.5", ls=":", label="hashing")
right.legend(fontsize="x-small")
right.set(xlabel="documents", ylabel="time, relative to hashing", ylim=(0, None))
for axis in (ax, right):
    axis.set_xticks([12_500, 50_000], ["12,500", "50,000"])
    axis.minorticks_off()

measured = {
    "wanted": len(wanted),
    "found": len(found),
    "sharing": sharing / 1e6,
    "prefix": rare,
    "growth_met": growth[3],
    "index_time": ratios[-1, 0],
    "prefix_time": ratios[-1, 1],
}
