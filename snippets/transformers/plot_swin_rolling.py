"""
Shifted windows, computed by rolling the map
============================================

Animation for :doc:`/transformers/swin`. A map of 8 x 8 tokens is cut by shifted windows
into nine regions. Rolled by the shift, the regions fill four windows again. The masks
of the windows keep the regions apart.
"""

import matplotlib.pyplot as plt
from matplotlib.animation import FuncAnimation
from matplotlib.patches import Rectangle

from snippets.transformers.shifted_windows import (
    shift_mask,
    shift_regions,
    window_partition,
)

SIDE, WINDOW, SHIFT = 8, 4, 2
regions = shift_regions(SIDE, SIDE, WINDOW, SHIFT)  # of the rolled map
at_home = regions.roll((SHIFT, SHIFT), dims=(0, 1))
masks = shift_mask(SIDE, SIDE, WINDOW, SHIFT)
per_window = [len(w.unique()) for w in window_partition(regions[..., None], WINDOW)]
assert len(regions.unique()) == 9
assert per_window == [1, 2, 2, 4]

fig, (ax, table) = plt.subplots(1, 2, figsize=(6.2, 3.2), layout="constrained")
limits = {"vmin": -0.5, "vmax": 8.5, "extent": (0, SIDE, SIDE, 0)}
drawn = ax.imshow(at_home, cmap="Pastel1", **limits)
middle = {"ha": "center", "va": "center", "color": "black"}
letters = [
    [ax.text(j + 0.5, i + 0.5, "", **middle) for j in range(SIDE)] for i in range(SIDE)
]
ax.hlines(range(SIDE + 1), 0, SIDE, color="0.6", lw=0.5)
ax.vlines(range(SIDE + 1), 0, SIDE, color="0.6", lw=0.5)
lines = [ax.plot([], [], "k", lw=2.5)[0] for _ in range(4)]
box = ax.add_patch(Rectangle((0, 0), WINDOW, WINDOW, fc="none", ec="C3", lw=4))
ax.set(xlim=(-0.1, SIDE + 0.1), ylim=(SIDE + 0.1, -0.1), xticks=[], yticks=[])
tokens = (0, WINDOW**2, WINDOW**2, 0)
shown = table.imshow(0.0 * masks[0], cmap="Blues", vmin=0, vmax=1.6, extent=tokens)
table.set(xlabel="key", ylabel="query", xticks=[0, 8, 16], yticks=[0, 8, 16])
FRAMES = [(0, 0), (0, 0), (1, 0), (2, 0), (2, 1), (2, 2), (2, 3), (2, 4)]


def draw(frame: int) -> None:
    """Rolled by so many tokens, and the window whose mask is shown (0: none)."""
    rolled, window = FRAMES[frame]
    now = at_home.roll((-rolled, -rolled), dims=(0, 1))
    drawn.set_data(now)
    for row, numbers in zip(letters, now.tolist(), strict=True):
        for text, number in zip(row, numbers, strict=True):
            text.set_text("ABCDEFGHI"[number])
    cuts = (SHIFT - rolled, SHIFT - rolled + WINDOW)  # borders of shifted windows
    for i, line in enumerate(lines):
        across, along = [cuts[i % 2]] * 2, [0, SIDE]
        line.set_data(*((across, along) if i < 2 else (along, across)))
    box.set_visible(window > 0)
    ax.set_title(f"rolled by {rolled}", fontsize=11)
    table.set_title(f"mask of window {window}" if window else "", fontsize=11)
    if window:
        box.set_xy(((window - 1) % 2 * WINDOW, (window - 1) // 2 * WINDOW))
        shown.set_data(masks[window - 1].float())


animation = FuncAnimation(fig, draw, frames=len(FRAMES), interval=1200)
fig.set_label(
    "A map of 8 by 8 tokens in nine colored regions, named A to I. It rolls up and "
    f"left by {SHIFT} tokens. Then A fills the first window, and the other three hold "
    f"{', '.join(map(str, per_window[1:]))} regions. Beside it, the mask of each "
    "window: filled cells join tokens of the same region."
)
