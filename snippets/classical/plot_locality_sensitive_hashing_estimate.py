"""
How far MinHash estimates are from the true similarity
======================================================

A figure of :doc:`/classical/locality_sensitive_hashing`. About 20,000 generated
documents that copy an earlier one: the fraction of 128 MinHash values that are equal,
minus the true Jaccard similarity. Dotted, two standard deviations by theory.
"""

import matplotlib.pyplot as plt
import numpy as np

from snippets.classical.copied_documents import copied_documents
from snippets.classical.locality_sensitive_hashing import minhash, random_permutations

sets, pairs, truth = copied_documents(100_000)
signatures = minhash(sets, random_permutations(128))
equal = signatures[pairs[:, 0]] == signatures[pairs[:, 1]]
error = equal.mean(axis=1) - truth

bins = np.digitize(truth, np.arange(0.2, 1, 0.1))
groups = [bins == number for number in range(1, 8)]
bias = np.array([error[group].mean() for group in groups])
spreads = np.array([error[group].std() for group in groups])
predicted = np.sqrt([np.mean((truth * (1 - truth))[g]) / 128 for g in groups])
assert np.abs(bias).max() < 0.006
assert np.abs(spreads / predicted - 1).max() < 0.12

fig, ax = plt.subplots(figsize=(6.2, 3.2), layout="constrained")
fig.set_label(
    "Errors of estimates against the true similarity. Their standard deviation is "
    f"{spreads[0]:.3f} from 0.2 to 0.3, {spreads.max():.3f} in the middle and "
    f"{spreads[-1]:.3f} from 0.8 to 0.9; most dots are inside the dotted lines."
)
some = np.random.default_rng(0).choice(len(truth), 3000, replace=False)
ax.plot(truth[some], error[some], ".", ms=3, alpha=0.4)
curve = np.linspace(0, 1, 101)
for sign in (-2, 2):
    ax.plot(curve, sign * np.sqrt(curve * (1 - curve) / 128), ":", color="C1", lw=2)
ax.set(xlabel="Jaccard similarity", ylabel="estimate minus truth", ylim=(-0.2, 0.2))

measured = {
    "bias": np.abs(bias).max(),
    "spread_low": (spreads / predicted).min(),
    "spread_high": (spreads / predicted).max(),
}
