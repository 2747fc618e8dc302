"""
Where the norm stands: post-norm and pre-norm
=============================================

A figure of :doc:`/transformers/transformer_block`. A block in both orders: the thick
line is the residual stream.
"""

import matplotlib.pyplot as plt
from matplotlib.patches import FancyBboxPatch

STREAM, BRANCH = 0.0, -1.1
TURN = {"arrowstyle": "-|>", "color": "0.5", "shrinkA": 0, "shrinkB": 0}


def box(ax, x, y, label, color, width=1.1):
    shape = FancyBboxPatch(
        (x - width / 2, y - 0.28), width, 0.56, "round,pad=0.02,rounding_size=0.1"
    )
    shape.set(facecolor=color, edgecolor="none", zorder=2)
    ax.add_patch(shape)
    ax.text(x, y, label, ha="center", va="center", color="white", zorder=3)


def update(ax, left, label, norm_first):
    """A branch that leaves the stream at ``left`` and is added 3.2 further on."""
    right = left + 3.2
    ax.annotate("", (left + 0.28, BRANCH), (left, BRANCH), arrowprops=TURN)
    ax.plot([left, left], [STREAM, BRANCH], color="0.5", linewidth=1, zorder=1)
    ax.plot([left, right], [BRANCH, BRANCH], color="0.5", linewidth=1, zorder=1)
    ax.annotate("", (right, STREAM - 0.3), (right, BRANCH), arrowprops=TURN)
    if norm_first:
        box(ax, left + 0.85, BRANCH, "norm", "C3", width=1.0)
        box(ax, left + 2.3, BRANCH, label, "C0", width=1.35)
    else:
        box(ax, left + 1.6, BRANCH, label, "C0", width=1.35)
        box(ax, right + 1.1, STREAM, "norm", "C3")
    box(ax, right, STREAM, "+", "C0", width=0.4)


fig, axes = plt.subplots(2, 1, figsize=(6.4, 3.2), layout="constrained")
for ax, title, norm_first in zip(
    axes, ("post-norm", "pre-norm"), (False, True), strict=True
):
    arrow = {**TURN, "linewidth": 3, "color": "C1"}
    ax.annotate("", (11.6, STREAM), (0, STREAM), arrowprops=arrow, zorder=0)
    update(ax, 0.9, "attention", norm_first)
    update(ax, 6.4, "MLP", norm_first)
    ax.text(0, STREAM + 0.3, title)
    ax.set(xlim=(-0.1, 11.8), ylim=(-1.5, 0.7), aspect="equal")
    ax.axis("off")
fig.set_label(
    "Two diagrams. A thick line, the stream, runs from left to right; attention and "
    "MLP read from it and are added to it. In post-norm a norm stands on the line "
    "after each sum. In pre-norm the norms stand on the branches, before attention and "
    "before the MLP, and the line runs through without a norm."
)
