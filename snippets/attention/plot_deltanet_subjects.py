"""
DeltaNet: a change of subject
=============================

For :doc:`/attention/deltanet`: eight subjects of 16 new keys follow each other. A gate
that clears the state between subjects helps, also with the delta rule.
"""

import matplotlib.pyplot as plt
import numpy as np
import torch

from snippets.attention.deltanet import chunked_delta_rule
from snippets.attention.random_pairs import KEY_DIM, VALUE_DIM, draw_pairs, scaled_error

SUBJECTS, PAIRS, SAMPLES = 8, 16, 100


def errors_after_subjects(seed: int, clears: bool, strength: float | None) -> list:
    """Error for the keys of each subject after it; without a strength, pairs add up."""
    random, errors = torch.Generator().manual_seed(seed), []
    empty = torch.zeros(SAMPLES, 1, VALUE_DIM, KEY_DIM)
    state = empty
    for _ in range(SUBJECTS):
        key, value = draw_pairs(SAMPLES, PAIRS, random)
        state = empty if clears else state
        if strength is None:
            state = state + value.mT @ key
        else:
            beta = torch.full((SAMPLES, 1, PAIRS), strength)
            state = chunked_delta_rule(key, key, value, beta, state)[1]
        errors.append(scaled_error(key @ state.mT, value))
    return errors


# %%
# Three seeds, after the writing strength was chosen with a fourth
# ----------------------------------------------------------------
# The gate is set by hand: zero at the start of a subject, one elsewhere.

strengths = [0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0]
rules = {"add": (False, [None]), "add, gate": (True, [None])}
rules |= {"delta rule": (False, strengths), "delta rule, gate": (True, strengths)}
losses = {}
for name, (clears, settings) in rules.items():
    final = [errors_after_subjects(3, clears, setting)[-1] for setting in settings]
    best = settings[np.argmin(final)]
    losses[name] = np.array(
        [errors_after_subjects(seed, clears, best) for seed in range(3)]
    )
last = {name: loss[:, -1] for name, loss in losses.items()}
mean = {name: loss.mean() for name, loss in last.items()}
spread = max(np.ptp(each) for each in last.values())
assert spread < 0.02
assert mean["delta rule, gate"] < mean["add, gate"] - 0.05
assert mean["delta rule, gate"] < mean["delta rule"] - 0.05
assert mean["add"] > 2 * mean["delta rule"]

fig, ax = plt.subplots(figsize=(5.6, 3.4))
for color, (name, loss) in enumerate(losses.items()):
    ax.plot(range(1, 9), loss.T, ".", color=f"C{color}", alpha=0.5)
    ax.plot(range(1, 9), loss.mean(axis=0), color=f"C{color}", label=name)
ax.set(xlabel="subjects so far", ylabel="mean squared error", ylim=(0, 1))
ax.legend(ncols=2)
fig.set_label(
    "Error after each of eight subjects. Adding rises to "
    f"{mean['add']:.2f}, and the delta rule to {mean['delta rule']:.2f}. With a gate "
    f"both stay level: adding at {mean['add, gate']:.2f}, the delta rule at "
    f"{mean['delta rule, gate']:.2f}. Three seeds differ by at most {spread:.2f}."
)
measured = {
    "subject_none": mean["add"],
    "subject_add": mean["add, gate"],
    "subject_delta": mean["delta rule"],
    "subject_gated": mean["delta rule, gate"],
}
