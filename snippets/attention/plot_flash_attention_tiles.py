"""
FlashAttention visits the scores tile by tile
=============================================

The tiles of a causal head in the order of :doc:`/attention/flash_attention`, and the
weights of one query while its normalizer is still incomplete.
"""

import math

import matplotlib.pyplot as plt
import torch
from matplotlib.animation import FuncAnimation
from matplotlib.patches import Rectangle
from torch.nn.functional import scaled_dot_product_attention

from snippets.attention.flash_attention import flash_attention, online_softmax, tiles

torch.manual_seed(0)
SEQ, TILE = 16, 4
scores = 1.6 * torch.randn(SEQ, SEQ)
scores = scores.masked_fill(torch.ones(SEQ, SEQ).triu(1).bool(), -math.inf)
value = torch.eye(SEQ)  # so that the output lists the weights
steps = []
for rows in tiles(SEQ, TILE):
    state = torch.full((TILE, 1), -math.inf), torch.zeros(TILE, 1), 0 * value[rows]
    for columns in tiles(rows.stop, TILE):
        state = online_softmax(*state, scores[rows, columns], value[columns])
        steps.append((rows, columns, *(part[-1] for part in state)))
assert torch.allclose(steps[-1][4] / steps[-1][3], scores[-1].softmax(0), atol=1e-6)

fig, (grid, bars) = plt.subplots(
    1, 2, figsize=(6.4, 3.4), width_ratios=[1, 1.25], layout="constrained"
)
boxes = {}
for rows in tiles(SEQ, TILE):
    for columns in tiles(SEQ, TILE):
        edge = "0.5" if columns.start <= rows.start else "none"
        box = Rectangle((columns.start, rows.start), TILE, TILE, ec=edge, fc="none")
        boxes[rows.start, columns.start] = grid.add_patch(box)
grid.text(11.5, 4, "never visited", ha="center", va="center", color="0.5", fontsize=10)
grid.set(xlim=(0, SEQ), ylim=(SEQ, 0), aspect="equal", xlabel="key", ylabel="query")
grid.set(xticks=range(0, SEQ + 1, TILE), yticks=range(0, SEQ + 1, TILE))
shown = bars.bar(range(SEQ), [0.0] * SEQ, color="C0")
bars.set(xlabel="key", ylabel="weight so far", xlim=(-0.7, SEQ - 0.3), ylim=(0, 1.15))
note = bars.text(0.97, 0.97, "", ha="right", va="top", transform=bars.transAxes)


def draw(frame: int):
    for rows, columns, *_ in steps[: frame + 1]:
        boxes[rows.start, columns.start].set(fc="C0", alpha=0.5)
    rows, columns, row_max, row_sum, acc = steps[frame]
    boxes[rows.start, columns.start].set(fc="C1", alpha=1)
    for at, bar in enumerate(shown):
        bar.set_height((acc / row_sum)[at])
        bar.set_color("C1" if columns.start <= at < columns.stop else "C0")
    state = f"maximum {row_max.item():.1f}\nsum {row_sum.item():.2f}"
    note.set_text(f"query {rows.stop - 1}\n{state}")


animation = FuncAnimation(fig, draw, frames=len(steps), interval=1100)
fig.set_label(
    f"Left, a table of 16 queries and 16 keys in tiles of four by four; {len(steps)} "
    "are filled row by row, and those above the diagonal are never visited. Right, the "
    "weights of the last query of the current row over the keys read so far: bars "
    "shrink as more tiles arrive, and at the end they are the softmax."
)

errors = {}
for dtype in (torch.float32, torch.float64):
    inputs = [3 * x for x in torch.randn(3, 2, 4, 300, 64, dtype=dtype)]
    inputs = [x.requires_grad_() for x in inputs]
    ours = flash_attention(*inputs, causal=True, q_tile=64, kv_tile=48)
    theirs = scaled_dot_product_attention(*inputs, is_causal=True)
    grads = [torch.autograd.grad(out.square().sum(), inputs) for out in (ours, theirs)]
    gaps = [(a - b).abs().max() / b.abs().max() for a, b in zip(*grads, strict=True)]
    errors[dtype] = (ours - theirs).abs().max().item(), max(gaps).item()
assert max(errors[torch.float32]) < 1e-5
assert max(errors[torch.float64]) < 1e-12
measured = dict(zip(("error", "grad_error"), errors[torch.float32], strict=True))
