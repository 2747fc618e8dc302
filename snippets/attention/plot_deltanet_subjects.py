"""
DeltaNet: a change of subject
=============================

For :doc:`/attention/deltanet`: eight subjects of 16 new keys follow each other. A gate
that clears the state between subjects helps, also with the delta rule.
"""

import matplotlib.pyplot as plt
import numpy as np
import torch
from torch.nn.functional import normalize

from snippets.attention.deltanet import delta_rule

SUBJECTS, PAIRS, KEY_DIM, SAMPLES = 8, 16, 32, 50

# %%
# Three seeds
# -----------
# The gate is set by hand: zero at the start of a subject, one elsewhere.

rules = {
    "add": (False, False),
    "add, gate": (False, True),
    "delta rule": (True, False),
    "delta rule, gate": (True, True),
}
losses = {name: np.zeros((3, SUBJECTS)) for name in rules}
beta = torch.ones(SAMPLES, 1, PAIRS)
for seed in range(3):
    torch.manual_seed(seed)
    states = {name: torch.zeros(SAMPLES, 1, 16, KEY_DIM) for name in rules}
    for subject in range(SUBJECTS):
        key = normalize(torch.randn(SAMPLES, 1, PAIRS, KEY_DIM), dim=-1)
        value = torch.randn(SAMPLES, 1, PAIRS, 16)
        for name, (corrects, clears) in rules.items():
            state = torch.zeros_like(states[name]) if clears else states[name]
            if corrects:
                state = delta_rule(key, key, value, beta, state)[1]
            else:
                state = state + value.mT @ key
            error = (key @ state.mT - value).square().mean()
            losses[name][seed, subject], states[name] = error, state
last = {name: loss[:, -1] for name, loss in losses.items()}
mean = {name: loss.mean() for name, loss in last.items()}
spread = max(np.ptp(last[name]) for name in rules if name != "add")
assert mean["delta rule, gate"] < mean["delta rule"] - 2 * spread
assert mean["delta rule"] < mean["add, gate"]
assert mean["add"] > 5 * mean["add, gate"]

fig, ax = plt.subplots(figsize=(5.6, 3.4))
for color, (name, loss) in enumerate(losses.items()):
    ax.plot(range(1, 9), loss.T, ".", color=f"C{color}", alpha=0.5)
    ax.plot(range(1, 9), loss.mean(axis=0), color=f"C{color}", label=name)
ax.set(xlabel="subjects so far", ylabel="mean squared error", ylim=(0, 1))
ax.legend()
fig.set_label(
    "Error after each of eight subjects. From the third on, adding is above 1 and off "
    "the axes. After the eighth, adding with a gate has "
    f"{mean['add, gate']:.2f}, the delta rule {mean['delta rule']:.2f}, and the delta "
    "rule with a gate "
    f"{mean['delta rule, gate']:.2f}; three seeds differ by at most {spread:.2f}."
)
measured = {
    "subject_add": mean["add, gate"],
    "subject_delta": mean["delta rule"],
    "subject_gated": mean["delta rule, gate"],
}
