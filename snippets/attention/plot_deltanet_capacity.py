"""
DeltaNet: the error of a full state
===================================

For :doc:`/attention/deltanet`: the squared error for all keys after n random pairs are
written once, by adding and by the delta rule.
"""

import matplotlib.pyplot as plt
import numpy as np
import torch
from torch.nn.functional import normalize

from snippets.attention.deltanet import chunked_delta_rule

torch.manual_seed(3)
KEY_DIM, SAMPLES = 32, 200

# %%
# 4 to 64 pairs, keys of 32 features
# ----------------------------------
# Values have variance one, so the answer zero would have an error of one.

counts, errors = [4, 8, 16, 32, 48, 64], []
for count in counts:
    key = normalize(torch.randn(SAMPLES, 1, count, KEY_DIM), dim=-1)
    value = torch.randn(SAMPLES, 1, count, 16)
    beta, empty = torch.ones(SAMPLES, 1, count), torch.zeros(SAMPLES, 1, 16, KEY_DIM)
    states = value.mT @ key, chunked_delta_rule(key, key, value, beta, empty)[1]
    off = [(key @ state.mT - value).square().mean((0, 1, 3)) for state in states]
    assert off[1][-1] < 1e-8  # the pair written last
    errors.append([each.mean().item() for each in off])
errors = np.array(errors)
expected = (np.array(counts) - 1) / KEY_DIM
assert np.allclose(errors[:, 0], expected, rtol=0.05)
assert np.all(errors[:, 1] < 0.75 * errors[:, 0])
assert errors[-1].min() > 1

fig, ax = plt.subplots()
ax.plot(counts, errors[:, 0], "o", label="added")
ax.plot(counts, expected, ":", color="0.5", label="(n - 1) / 32")
ax.plot(counts, errors[:, 1], "o-", color="C1", label="delta rule")
ax.set(xlabel="pairs written, n", ylabel="mean squared error")
ax.legend()
fig.set_label(
    "Error over the number of pairs. Added pairs lie on the line (n - 1) / 32 and "
    f"reach {errors[-1, 0]:.2f} at 64 pairs. The delta rule has {errors[3, 1]:.2f} "
    f"instead of {errors[3, 0]:.2f} at 32 pairs, and {errors[-1, 1]:.2f} at 64."
)
measured = {"added_32": errors[3, 0], "corrected_32": errors[3, 1]}
