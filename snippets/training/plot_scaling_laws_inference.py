"""
The more a model is used, the smaller it should be
==================================================

A figure of :doc:`/training/scaling_laws`. The loss is fixed: that of a model with 13
billion parameters, trained with the best number of tokens for it. Which size reaches
it with the fewest operations of training and inference together?
"""

import matplotlib.pyplot as plt
import numpy as np
from scipy.optimize import brentq

from snippets.training.scaling_laws import (
    PUBLISHED,
    Law,
    compute_optimal,
    inference_optimal,
    predicted_loss,
)

LAWS = {"Sardana": Law(1.69, 406.4, 410.7, 0.336, 0.283)}
LAWS["Besiroglu"] = PUBLISHED["Besiroglu"]
BIG, SMALL, SERVED = 13e9, 7e9, 2e12
served = np.geomspace(1e10, 1e15, 60)


def lifetime(N, D, tokens):
    return 6 * N * D + 2 * N * tokens


def optimum_of_size(law, N):
    """The training for which N is the best size."""

    def too_large(log_C):
        return np.log(compute_optimal(law, np.exp(log_C)).N / N)

    return compute_optimal(law, np.exp(brentq(too_large, 40, 65)))


measured, sizes = {}, {}
fig, (left, right) = plt.subplots(1, 2, figsize=(7, 3), layout="constrained")
for name, law in LAWS.items():
    big = optimum_of_size(law, BIG)
    loss = float(predicted_loss(law, *big))
    best = [inference_optimal(law, loss, tokens) for tokens in served]
    N, D = np.array(best).T
    left.plot(served, N / 1e9, label=name)
    right.plot(served, 1 - lifetime(N, D, served) / lifetime(*big, served))
    rest = loss - law.E - law.A / SMALL**law.alpha
    small = SMALL, (law.B / rest) ** (1 / law.beta)
    cost = lifetime(*big, SERVED)
    key = name.lower()
    measured[f"saved_{key}"] = 1 - lifetime(*small, SERVED) / cost
    chosen = inference_optimal(law, loss, SERVED)
    sizes[key] = chosen.N / 1e9
    assert np.all(np.diff(N) < 0)
    assert lifetime(*chosen, SERVED) <= lifetime(*small, SERVED) < cost
for ax in (left, right):
    ax.axvline(SERVED, color="0.5", lw=0.8, ls=":")
    ax.set(xscale="log", xlabel="tokens served")
left.set(ylabel="best size, billions", ylim=(0, 14))
right.set_ylabel("operations saved")
right.yaxis.set_major_formatter("{x:.0%}")
left.legend(title="constants of")
fig.set_label(
    "Left: the best size falls from 13 billion parameters as more tokens are served, "
    f"to {sizes['sardana']:.1f} billion (Sardana) and "
    f"{sizes['besiroglu']:.1f} billion (Besiroglu) at {SERVED:.0e} tokens. "
    "Right: the operations saved rise from zero."
)
