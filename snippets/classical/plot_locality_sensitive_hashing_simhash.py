"""
SimHash fingerprints differ in proportion to the angle between two sets
=======================================================================

A figure of :doc:`/classical/locality_sensitive_hashing`. In how many of 64 bits the
fingerprints of copies differ from those of their originals. The line is theory for sets
of equal size.
"""

import matplotlib.pyplot as plt
import numpy as np

from snippets.classical.copied_documents import copied_documents
from snippets.classical.locality_sensitive_hashing import (
    candidate_pairs,
    simhash,
    similarities,
)

sets, pairs, truth = copied_documents(100_000)
fingerprints = simhash(sets)
bits = np.bitwise_count(fingerprints[pairs[:, 0]] ^ fingerprints[pairs[:, 1]])
sizes = np.diff(sets.starts)[pairs]
cosine = truth / (1 + truth) * sizes.sum(axis=1) / np.sqrt(sizes.prod(axis=1))
angle = np.arccos(np.minimum(cosine, 1)) / np.pi
bins = np.digitize(truth, np.arange(0.15, 1.01, 0.05))
groups = [bins == n for n in range(1, bins.max()) if np.count_nonzero(bins == n) > 100]
off = np.array([np.mean((bits / 64 - angle)[group]) for group in groups])
assert np.abs(off).max() < 0.025

blocks = fingerprints[:, None] >> np.uint64(16) * np.arange(4, dtype=np.uint64)
near = candidate_pairs(blocks & np.uint64(0xFFFF))
apart = np.bitwise_count(fingerprints[near[:, 0]] ^ fingerprints[near[:, 1]])
close = similarities(sets, near[apart <= 3])
precise = (close[close < 1] >= 0.8).mean()  # identical sets match by definition
recalled = (bits[(truth >= 0.8) & (truth < 1)] <= 3).mean()
assert precise > 0.6
assert 0.02 < recalled < 0.15

fig, ax = plt.subplots(figsize=(6.2, 3.2), layout="constrained")
means = {at: bits[np.abs(truth - at) < 0.03].mean() for at in (0.2, 0.8)}
fig.set_label(
    "Bits that differ against similarity: a band of dots around a falling curve, with "
    f"a mean of {means[0.2]:.0f} bits at similarity 0.2, {means[0.8]:.0f} at 0.8 and "
    "none at 1. Only dots far to the right lie below the dashed line at three bits."
)
rng = np.random.default_rng(0)
some, curve = rng.choice(len(truth), 3000, replace=False), np.linspace(0, 1, 101)
ax.plot(truth[some], bits[some] + rng.uniform(-0.3, 0.3, 3000), ".", ms=3, alpha=0.4)
ax.plot(curve, 64 * np.arccos(2 * curve / (1 + curve)) / np.pi, color="C1", lw=2)
ax.axhline(3, color="0.5", ls="--")
ax.set(xlabel="Jaccard similarity", ylabel="bits that differ", xlim=(0.1, 1.02))

measured = {
    "angle_off": np.abs(off).max(),
    "close_pairs": np.count_nonzero(close < 1),
    "close_precision": precise,
    "close_recall": recalled,
}
