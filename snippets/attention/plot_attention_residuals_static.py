"""
Weights over depth that depend on the input, or do not
======================================================

Networks of twelve feed-forward layers with full attention residuals, and a control with
learned weights over depth that are the same for all inputs
(:doc:`/attention/attention_residuals`).
"""

import matplotlib.pyplot as plt
import numpy as np

from snippets.attention.depth_regression import test, train

STEPS = 448

# %%
# Test errors over that of the residual network
# ---------------------------------------------

errors = {
    name: test(name, train(name, STEPS))[0] for name in ("residual", "static", "full")
}
base = errors.pop("residual")
ratios = {name: np.array(error / base).ravel() for name, error in errors.items()}
mean = {name: ratio.mean() for name, ratio in ratios.items()}
assert mean["full"] < mean["static"] - 0.01

fig, ax = plt.subplots(figsize=(6.4, 2.2))
for row, (name, values) in enumerate(ratios.items()):
    ax.plot(100 * (values - 1), np.full(9, row), "o", alpha=0.4, ms=8)
    ax.plot(100 * (mean[name] - 1), row, "|", color="0.5", ms=22)
ax.axvline(0, color="0.5", ls=":")
ax.set_yticks(range(2), labels=ratios)
ax.set(ylim=(1.5, -0.5), xlabel="test error, relative to the residual network (%)")
shown = ", ".join(f"{name} {100 * (value - 1):.1f} %" for name, value in mean.items())
fig.set_label(
    "Nine points in each of two rows: the change of the test error relative to the "
    f"residual network after {STEPS} steps. Means: {shown}."
)
measured = {f"gain_{name}": 1 - value for name, value in mean.items()}
measured["static_wins"] = (ratios["full"] < ratios["static"]).sum()
