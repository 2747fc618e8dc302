"""
Hashing compares far fewer pairs than an exact search
=====================================================

A figure of :doc:`/classical/locality_sensitive_hashing`. Pairs with a similarity of
at least 0.8 among generated documents. Left, the pairs that have to be compared. Right,
the time of exact search by an inverted index, divided by the time with hashing.
"""

import time

import matplotlib.pyplot as plt
import numpy as np

from snippets.classical.copied_documents import copied_documents
from snippets.classical.inverted_index import similar_pairs
from snippets.classical.locality_sensitive_hashing import (
    Sets,
    candidate_probability,
    near_duplicates,
    random_permutations,
)

THRESHOLD, permutations = 0.8, random_permutations(128)
sets, _, truth = copied_documents(100_000)


def timed(search, *arguments):
    begin = time.process_time()
    return *search(*arguments), time.process_time() - begin


counts, compared, ratios = np.array([12_500, 25_000, 50_000, 100_000]), [], []
for count in counts:
    part = Sets(sets.members[: sets.starts[count]], sets.starts[: count + 1])
    wanted, sharing, slow = timed(similar_pairs, part, THRESHOLD)
    found, met, fast = timed(near_duplicates, part, permutations, 16, THRESHOLD)
    compared.append([count * (count - 1) / 2, sharing, met])
    ratios.append(slow / max(fast, 1e-3))  # the clock may be coarse
compared = np.array(compared)
growth = np.polyfit(np.log(counts), np.log(compared), 1)[0]
similar = truth[truth >= THRESHOLD]
promised = candidate_probability(similar, 16, 8).mean()
assert len(found) > (promised - 0.01) * len(wanted)
assert compared[-1, 1] > 1000 * compared[-1, 2]
assert np.all(np.abs(growth - [2, 2, 1]) < [0.01, 0.15, 0.25])

fig, (ax, right) = plt.subplots(1, 2, figsize=(6.4, 3), layout="constrained")
fig.set_label(
    "Left: all pairs and those that share a shingle grow with the square of the "
    "documents, candidates in proportion. Right: the ratio of times, "
    f"{ratios[0]:.1f} for 12,500 documents and {ratios[-1]:.1f} for 100,000."
)
for label, line in zip(
    ["all", "share a shingle", "candidates"], compared.T, strict=True
):
    ax.loglog(counts, line, "o-", label=label)
ax.set(xlabel="documents", ylabel="pairs to compare", ylim=(100, 1e12))
ax.legend(fontsize="small")
right.semilogx(counts, ratios, "o-", color="C3")
right.axhline(1, color="0.5", ls=":")
right.set(xlabel="documents", ylabel="time, exact / hashing", ylim=(0, None))
for axis in (ax, right):
    axis.set_xticks([12_500, 50_000], ["12,500", "50,000"])
    axis.minorticks_off()

measured = {
    "wanted": len(wanted),
    "found": len(found),
    "promised": promised,
    "identical": (similar == 1).mean(),
    "sharing": sharing / 1e6,
    "growth_met": growth[2],
    "ratio_first": ratios[0],
    "ratio_last": ratios[-1],
}
for bands in (64, 32, 16, 8):
    found, met = near_duplicates(sets, permutations, bands, THRESHOLD)
    measured[f"recall_{bands}"] = len(found) / len(wanted)
    measured[f"candidates_{bands}"] = met
