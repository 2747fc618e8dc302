"""
The probability that a pair becomes a candidate is an S-curve
=============================================================

A figure of :doc:`/classical/locality_sensitive_hashing`. How many of about 20,000
copies become a candidate pair with their original, for 128 MinHash values in 64, 32, 16
and 8 bands. Lines are theory.
"""

import matplotlib.pyplot as plt
import numpy as np

from snippets.classical.copied_documents import copied_documents
from snippets.classical.locality_sensitive_hashing import (
    band_keys,
    candidate_probability,
    minhash,
    near_duplicates,
    random_permutations,
)
from snippets.classical.prefix_filtering import joined_pairs

sets, pairs, truth = copied_documents(100_000)
permutations = random_permutations(128)
signatures = minhash(sets, permutations)
bins = np.digitize(truth, np.arange(0.15, 1.01, 0.05))
groups = [bins == n for n in range(1, bins.max()) if np.count_nonzero(bins == n) > 100]
middles = [truth[group].mean() for group in groups]
curve, worst = np.linspace(0, 1, 101), 0.0

fig, ax = plt.subplots(figsize=(6.2, 3.4), layout="constrained")
fig.set_label(
    "Four rising S-shaped curves with dots on them: the fraction of pairs that become "
    "candidates against similarity, for 64, 32, 16 and 8 bands. The fewer bands, the "
    "farther right the rise."
)
for color, bands in enumerate((64, 32, 16, 8)):
    rows, keys = 128 // bands, band_keys(signatures, bands)
    met = (keys[pairs[:, 0]] == keys[pairs[:, 1]]).any(axis=1)
    share = np.array([met[group].mean() for group in groups])
    theory = candidate_probability(truth, bands, rows)
    worst = max(worst, np.abs(share - [theory[group].mean() for group in groups]).max())
    heights = candidate_probability(curve, bands, rows)
    ax.plot(curve, heights, color=f"C{color}", label=f"{bands} bands of {rows} rows")
    ax.plot(middles, share, "o", color=f"C{color}")
ax.set(xlabel="Jaccard similarity", ylabel="fraction that become candidates")
ax.legend(fontsize="small", ncols=2, loc="lower center", bbox_to_anchor=(0.5, 1))
assert worst < 0.08

similar = truth[truth >= 0.8]
promised = candidate_probability(similar, bands=16, rows=8).mean()
assert 0.98 < promised < 1
measured = {"worst": worst, "promised": promised, "identical": (similar == 1).mean()}
wanted, _ = joined_pairs(sets, threshold=0.8)
for bands in (64, 32, 16, 8):
    found, compared = near_duplicates(sets, permutations, bands, threshold=0.8)
    measured[f"recall_{bands}"] = len(found) / len(wanted)
    measured[f"candidates_{bands}"] = compared
