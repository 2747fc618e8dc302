"""
DeltaNet: the error of a full state
===================================

For :doc:`/attention/deltanet`: the squared error for all keys after n random pairs are
written once, by adding and by the delta rule with two writing strengths.
"""

import matplotlib.pyplot as plt
import numpy as np
import torch

from snippets.attention.deltanet import chunked_delta_rule
from snippets.attention.random_pairs import (
    KEY_DIM,
    VALUE_DIM,
    draw_pairs,
    scaled_error,
)

SAMPLES = 200

# %%
# 4 to 64 pairs, keys of 32 features, three seeds
# -----------------------------------------------
# A common factor is fitted to the outputs of each rule. The writing strength is one,
# or the best of a grid on other pairs.


def corrected(key: torch.Tensor, value: torch.Tensor, strength: float) -> float:
    """Error after each pair was written once by the delta rule."""
    beta = torch.full(key.shape[:3], strength)
    empty = torch.zeros(SAMPLES, 1, VALUE_DIM, KEY_DIM)
    state = chunked_delta_rule(key, key, value, beta, empty)[1]
    return scaled_error(key @ state.mT, value)


strengths = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0]
counts, random = [4, 8, 16, 24, 32, 48, 64], torch.Generator().manual_seed(3)
errors, chosen = np.zeros((3, len(counts), 3)), []
for at, count in enumerate(counts):
    practice = draw_pairs(SAMPLES, count, random)
    chosen.append(min(strengths, key=lambda s: corrected(*practice, s)))
    for seed in range(3):
        key, value = draw_pairs(SAMPLES, count, random)
        added = scaled_error(key @ (value.mT @ key).mT, value)
        delta = [corrected(key, value, strength) for strength in (1.0, chosen[-1])]
        errors[seed, at] = added, *delta
mean = errors.mean(axis=0)
assert np.ptp(errors, axis=0).max() < 0.02
expected = (np.array(counts) - 1) / (np.array(counts) + KEY_DIM - 1)
assert np.allclose(mean[:, 0], expected, rtol=0.05)
assert mean[2, 1] < mean[2, 0] - 0.02  # 16 pairs
assert mean[4, 1] > mean[4, 0] + 0.02  # 32 pairs
assert np.all(mean[:, 2] < mean[:, 0] - 0.01)
assert np.all(np.diff(chosen) <= 0)

fig, ax = plt.subplots()
ax.plot(counts, mean[:, 0], "o", label="added")
ax.plot(counts, expected, ":", color="0.5", label="(n - 1) / (n + 31)")
ax.plot(counts, mean[:, 1], "s--", color="C1", label="delta rule, strength 1")
ax.plot(counts, mean[:, 2], "o-", color="C1", label="delta rule, best strength")
ax.set(xlabel="pairs written, n", ylabel="mean squared error", ylim=(0, 1))
ax.legend()
fig.set_label(
    "Error over the number of pairs. Added pairs lie on the dotted line and reach "
    f"{mean[4, 0]:.2f} at 32 and {mean[-1, 0]:.2f} at 64 pairs. The delta rule with "
    f"strength 1 is below that at first, but has {mean[4, 1]:.2f} at 32 and "
    f"{mean[-1, 1]:.2f} at 64. With the best strength it stays below: {mean[4, 2]:.2f} "
    f"and {mean[-1, 2]:.2f}."
)
measured = {"added_16": mean[2, 0], "one_16": mean[2, 1]}
measured |= {"added_32": mean[4, 0], "one_32": mean[4, 1], "best_32": mean[4, 2]}
measured |= {"strength_4": chosen[0], "strength_64": chosen[-1]}
