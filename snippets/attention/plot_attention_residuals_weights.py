"""
Weights over depth that depend on the input, or do not
======================================================

Networks of twelve feed-forward layers with full attention residuals, and a control with
learned weights over depth that are the same for all inputs. Then one network of the
full form while it is trained (:doc:`/attention/attention_residuals`).
"""

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.animation import FuncAnimation

from snippets.attention import depth_regression as task

STEPS, READERS = 448, task.LAYERS + 1
LOWER = np.tril_indices(READERS)
frames = []
x, _ = task.examples(100, torch.Generator().manual_seed(2))


def watch(step: int, weights: dict) -> None:
    if step % 56 == 0:
        frames.append((step, task.depth_weights(weights, x).numpy()))


# %%
# Test errors over that of the residual network
# ---------------------------------------------
trained = {name: task.train(name, STEPS) for name in ("residual", "static")}
trained["full"] = task.train("full", STEPS, watch)
errors = {name: task.test(name, weights)[0] for name, weights in trained.items()}
base = errors.pop("residual")
ratios = {name: (error / base).flatten().numpy() for name, error in errors.items()}
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

# %%
# The weights of one network while it is trained
# ----------------------------------------------
last = frames[-1][1]
assert np.allclose(frames[0][1][LOWER], 1)
most = np.unravel_index(last.argmax(), last.shape)
measured |= {"least": last[LOWER].min(), "most": last.max()}

fig, stage = plt.subplots(figsize=(5.4, 4.2))
scale = plt.Normalize(0, 4)
fig.colorbar(plt.cm.ScalarMappable(scale), ax=stage, label="weight / plain mean")
fig.set_label(
    "Animation of a triangular map of weights during training. All cells begin at one. "
    f"At the end they lie between {measured['least']:.1f} and {measured['most']:.1f}; "
    f"the largest is that of source {most[1]} in row {most[0] + 1} of {READERS}."
)


def draw(frame) -> None:
    step, rows = frame
    hidden = np.triu(np.ones(rows.shape, dtype=bool), 1)
    stage.clear()
    stage.imshow(np.ma.masked_array(rows, hidden), norm=scale)
    stage.set(xlabel="source (0: embedding)", ylabel="reader", title=f"step {step}")


animation = FuncAnimation(fig, draw, frames + frames[-1:] * 4, interval=400)
