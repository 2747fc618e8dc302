"""
Each evidence lower bound touches the log-likelihood where its E step was done
==============================================================================

A figure of :doc:`/classical/expectation_maximization`. The log-likelihood of five sets
of ten throws over the heads probability of the first coin, with that of the second
fixed at 0.52, and the bounds of three iterations.
"""

import matplotlib.pyplot as plt
import numpy as np

from snippets.classical.expectation_maximization import (
    coin_m_step,
    evidence_lower_bound,
)
from snippets.classical.maximum_likelihood import (
    coin_log_joint,
    hidden_log_likelihood,
    responsibilities,
)

heads, throws = np.array([5, 9, 8, 4, 7]), 10


def log_joint(first):
    return coin_log_joint(np.array([first, 0.52]), heads, throws)


axis = np.linspace(0.05, 0.97, 150)
curve = np.array([hidden_log_likelihood(log_joint(p)) for p in axis])
place = 0.33

fig, ax = plt.subplots()
fig.set_label(
    "The log-likelihood of five sets of throws rises from left to right, to a maximum "
    f"at {axis[curve.argmax()]:.2f}. Three lower bounds lie below it, each touching it "
    "at one point. Each has its maximum to the right of that point, and the next bound "
    "touches the log-likelihood straight above that maximum."
)
ax.plot(axis, curve, color="C0", lw=2.5, label="log-likelihood")
for number, color in enumerate(["C1", "C2", "C3"]):
    resp = responsibilities(log_joint(place))
    bound = np.array([evidence_lower_bound(log_joint(p), resp) for p in axis])
    assert np.all(bound <= curve + 1e-9)
    ax.plot(axis, bound, color=color, label=f"bound {number + 1}")
    ax.plot(place, hidden_log_likelihood(log_joint(place)), "o", color=color, ms=8)
    place = coin_m_step(resp, heads, throws)[0]
    highest = evidence_lower_bound(log_joint(place), resp)
    assert highest >= bound.max()
    ax.plot([place] * 2, [-60, highest], ":", color=color)
ax.set(xlabel="heads probability of the first coin", ylabel="log-likelihood, bound")
ax.set(ylim=(-44, -31))
ax.legend(fontsize="small", loc="upper left")
