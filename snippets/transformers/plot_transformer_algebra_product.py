"""
A head is two products
======================

A figure of :doc:`/transformers/transformer_algebra`. The output of a head, with random
numbers: A mixes the rows of X, which are positions, and W_OV mixes its columns, which
are features.
"""

import matplotlib.pyplot as plt
import torch

from snippets.transformers.transformer_algebra import (
    circuits,
    head_output,
    head_weights,
)
from snippets.transformers.transformer_block import CausalSelfAttention

torch.manual_seed(3)
SEQ, WIDTH, HEADS = 5, 9, 3
HEAD_DIM = WIDTH // HEADS
KINDS = {SEQ: ("positions", "C0"), WIDTH: ("features", "C1"), HEAD_DIM: ("head", "0.5")}
attention = CausalSelfAttention(WIDTH, HEADS)
torch.nn.init.normal_(attention.c_attn.weight)
torch.nn.init.zeros_(attention.c_attn.bias)
x = torch.randn(SEQ, WIDTH)
with torch.no_grad():
    head = circuits(attention, 0)
    weights = head_weights(x, head, HEAD_DIM)
    output = head_output(x, head, HEAD_DIM)
    assert torch.allclose(weights @ x @ head.ov, output, atol=1e-5)
    W_V = attention.c_attn.weight.detach()[2 * WIDTH :][:HEAD_DIM].T
    W_O = attention.c_proj.weight.detach()[:, :HEAD_DIM].T
    assert torch.allclose(W_V @ W_O, head.ov, atol=1e-5)

names = ["$A$", "$X$", "$W_V$", "$W_O$", "output"]
shown = [weights, x, W_V, W_O, output]
widths = [matrix.shape[1] for matrix in shown]
fig, axes = plt.subplots(
    1, 5, figsize=(7, 2.2), width_ratios=widths, layout="constrained"
)
for ax, name, matrix in zip(axes, names, shown, strict=True):
    rows, columns = matrix.shape
    limit = matrix.abs().max()
    ax.imshow(matrix, cmap="PuOr_r", vmin=-limit, vmax=limit)
    ax.set(title=name, xticks=[], yticks=[], ylim=(WIDTH - 0.5, -0.5))
    ax.spines[:].set_visible(False)
    for size, down in ((rows, True), (columns, False)):
        kind, color = KINDS[size]
        style = {"color": color, "ha": "center", "va": "center"}
        line, edge = [-0.5, size - 0.5], -0.5 if down else rows - 0.5
        ax.plot(*([edge] * 2, line)[:: 1 if down else -1], color=color, linewidth=4)
        if down:
            ax.text(-1.4, size / 2 - 0.5, kind, rotation=90, **style)
        else:
            ax.text(size / 2 - 0.5, rows + 0.5, kind, **style)
for ax, sign in zip(axes[1:], "···=", strict=True):
    ax.text(-3, SEQ / 2 - 0.5, sign, ha="center", va="center", size=14)
fig.set_label(
    f"Five matrices as colored squares: A, {SEQ} by {SEQ}, with nothing above its "
    f"diagonal; X, {SEQ} by {WIDTH}; W_V, {WIDTH} by {HEAD_DIM}; W_O, {HEAD_DIM} by "
    f"{WIDTH}; and the output, {SEQ} by {WIDTH}. Blue edges are positions, orange "
    "edges features. The gray edge of W_V and W_O has the features of one head."
)
