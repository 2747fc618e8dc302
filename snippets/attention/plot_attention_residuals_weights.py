"""
The weights over depth while a network is trained
=================================================

How one network of the full form weighs its sources, averaged over inputs, in multiples
of the plain mean with which it begins (:doc:`/attention/attention_residuals`).
"""

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.animation import FuncAnimation

from snippets.attention.attention_residuals import depth_scores
from snippets.attention.depth_regression import LAYERS, examples, run, train

frames = []
x, _ = examples(100, torch.Generator().manual_seed(2))


@torch.no_grad()
def watch(step: int, weights: dict) -> None:
    """Keep the weights over depth of the first run."""
    if step % 56:
        return
    sources = torch.stack(run("full", weights, x).sources)[:, 0]
    rows = np.zeros((LAYERS + 1, LAYERS + 1))
    for reader, query in enumerate(weights["queries"][:, 0]):
        scores = depth_scores(sources[: reader + 1], query)
        mean = scores.softmax(dim=0).mean(dim=(1, 2))
        rows[reader, : reader + 1] = mean * (reader + 1)
    frames.append((step, rows))


train("full", 448, watch)
last = frames[-1][1]
below = last[np.tril_indices(LAYERS + 1)]
assert np.allclose(frames[0][1][np.tril_indices(LAYERS + 1)], 1)
most = np.unravel_index(last.argmax(), last.shape)

fig, stage = plt.subplots(figsize=(5.4, 4.2))
scale = plt.Normalize(0, 4)
fig.colorbar(plt.cm.ScalarMappable(scale), ax=stage, label="weight / plain mean")
fig.set_label(
    "Animation of a triangular map of weights during training. All cells begin at one. "
    f"At the end they lie between {below.min():.1f} and {below.max():.1f}; the largest "
    f"is that of source {most[1]} in row {most[0] + 1} of {LAYERS + 1}."
)


def draw(frame) -> None:
    step, rows = frame
    hidden = np.triu(np.ones(rows.shape, dtype=bool), 1)
    stage.clear()
    stage.imshow(np.ma.masked_array(rows, hidden), norm=scale)
    stage.set(xlabel="source (0: embedding)", ylabel="reader", title=f"step {step}")


animation = FuncAnimation(fig, draw, frames + frames[-1:] * 4, interval=400)

measured = {"least": below.min(), "most": below.max()}
