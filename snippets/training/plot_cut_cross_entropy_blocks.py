"""
Cut cross-entropy visits the logits block by block
==================================================

The only logits that exist at a time, and the log-sum-exp that grows with each block
(:doc:`/training/cut_cross_entropy`).
"""

import matplotlib.pyplot as plt
import torch
from matplotlib.animation import FuncAnimation
from matplotlib.patches import Rectangle

from snippets.attention.flash_attention import tiles
from snippets.training.cut_cross_entropy_passes import cut_forward

torch.manual_seed(0)
TOKENS, VOCAB, TOKEN_BLOCK, VOCAB_BLOCK = 8, 24, 4, 6
hidden, classifier = torch.randn(TOKENS, 6), torch.randn(VOCAB, 6)
targets = torch.randint(VOCAB, (TOKENS,))
logits = hidden @ classifier.T
running, steps = torch.full((TOKENS,), -torch.inf), []
for rows in tiles(TOKENS, TOKEN_BLOCK):
    for columns in tiles(VOCAB, VOCAB_BLOCK):
        block = logits[rows, columns].logsumexp(dim=-1)
        running[rows] = torch.logaddexp(running[rows], block)
        steps.append((rows, columns, running.clone()))
loss, lse = cut_forward(hidden, classifier, targets, TOKEN_BLOCK, VOCAB_BLOCK)
assert torch.allclose(running, lse)
assert (loss > 0).all()

fig, (grid, bars) = plt.subplots(
    1, 2, figsize=(6.4, 3.0), width_ratios=[2, 1], layout="constrained"
)
for rows in tiles(TOKENS, TOKEN_BLOCK):
    for columns in tiles(VOCAB, VOCAB_BLOCK):
        corner = columns.start, rows.start
        grid.add_patch(Rectangle(corner, VOCAB_BLOCK, TOKEN_BLOCK, ec="0.5", fc="none"))
done = [
    grid.add_patch(Rectangle((c.start, r.start), VOCAB_BLOCK, TOKEN_BLOCK, fc="none"))
    for r, c, _ in steps
]
look = {"extent": (0, VOCAB, TOKENS, 0), "aspect": "auto", "zorder": 2}
cells = grid.imshow(torch.full_like(logits, torch.nan), **look)
cells.set_clim(logits.min(), logits.max())
grid.plot(targets + 0.5, torch.arange(TOKENS) + 0.5, "x", color="C1", zorder=3)
grid.set(xlabel="token of the vocabulary", ylabel="position", xlim=(0, VOCAB))
grid.set(ylim=(TOKENS, 0), xticks=range(0, VOCAB + 1, VOCAB_BLOCK), yticks=[0, 4, 8])
fig.colorbar(cells, label="logit")
places = torch.arange(TOKENS) + 0.5
bars.plot(lse, places, "|", ms=12, color="C1", label="of the whole row")
dots = bars.barh(places, [0.0] * TOKENS, height=0.7, color="C0", label="so far")
bars.set(xlabel="log-sum-exp", xlim=(0, 1.15 * lse.max()), ylim=(TOKENS, 0))
bars.set(yticks=[0, 4, 8])
fig.legend(*bars.get_legend_handles_labels(), loc="outside upper right", ncols=2)


def draw(frame: int):
    rows, columns, so_far = steps[frame]
    shown = torch.full_like(logits, torch.nan)
    shown[rows, columns] = logits[rows, columns]
    cells.set_data(shown)
    for at, patch in enumerate(done):
        patch.set(fc="C0" if at < frame else "none", alpha=0.2)
    for width, bar in zip(so_far.clamp(min=0), dots, strict=True):
        bar.set_width(width)


animation = FuncAnimation(fig, draw, frames=len(steps), interval=1100)
fig.set_label(
    f"Left, a table of {TOKENS} positions and {VOCAB} tokens in {len(steps)} blocks. "
    "Colors fill one block at a time, row by row, and vanish before the next; crosses "
    "mark the targets. Right, a bar for each position grows with each block of its row "
    "and ends at the mark of the log-sum-exp of the whole row."
)
measured = {}
