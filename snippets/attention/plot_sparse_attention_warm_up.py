"""
An indexer learns where the heads attend
========================================

The attention of 32 queries of one text, averaged over the heads of a trained dense
layer, and the eight keys that its indexer selects for each, while the indexer warms up
(:doc:`/attention/sparse_attention`).
"""

import matplotlib.pyplot as plt
import torch
from matplotlib.animation import FuncAnimation

from snippets.attention.label_task import SEQ, draw_texts, train_dense, warm_up
from snippets.attention.sparse_attention import select

QUERIES, TOP_K, STEPS = 32, 8, 10

model = train_dense(seed=0, steps=150)
text = draw_texts(1, torch.Generator().manual_seed(3)).x
target = model.mix.dense_weights(text)[0, :, -QUERIES:].mean(dim=0)

frames = []
for round_ in range(7):
    if round_:
        warm_up(model, seed=round_, steps=STEPS)
    with torch.no_grad():
        index = select(model.mix.index(text), TOP_K)[0, -QUERIES:]
    mass = target.gather(-1, index).sum(dim=-1).mean().item()
    frames.append((STEPS * round_, index, mass))
first, last = frames[0][2], frames[-1][2]
assert first < 0.3
assert last > 0.75

fig, ax = plt.subplots(figsize=(6.4, 2.8))
extent = (-0.5, SEQ - 0.5, SEQ - 0.5, SEQ - QUERIES - 0.5)
ax.imshow(target.sqrt(), cmap="Blues", aspect="auto", extent=extent)
(squares,) = ax.plot([], [], "s", mfc="none", mec="C1", ms=4.5, mew=0.9)
title = ax.set_title("")
ax.set(xlabel="key (position)", ylabel="query (position)")
fig.set_label(
    f"Map of the attention of {QUERIES} queries to {SEQ} keys, with a square at each "
    f"of the {TOP_K} keys that the indexer selects per query. At first the squares "
    f"miss the dark cells and cover {first:.0%} of the attention; after "
    f"{frames[-1][0]} steps nearly every dark cell has a square, and they cover "
    f"{last:.0%}."
)


def draw(frame) -> None:
    step, index, mass = frame
    rows = torch.arange(SEQ - QUERIES, SEQ)[:, None].expand_as(index)
    squares.set_data(index.flatten(), rows.flatten())
    title.set_text(f"{step} steps: {mass:.0%} of the attention")


warming = FuncAnimation(fig, draw, frames=frames + frames[-1:] * 3, interval=600)
