"""
Four patches become one token, in two orders
============================================

A figure of :doc:`/generative/vision_language_models`: where the channels of four
patches go, in InternVL and in PyTorch's function of the same name.
"""

import matplotlib.pyplot as plt
import torch
from torch.nn.functional import pixel_unshuffle as unshuffle_of_torch

from snippets.generative.visual_tokens import pixel_unshuffle

CHANNELS, NAMES = 3, "abc"
grid = torch.arange(4.0 * CHANNELS).reshape(2, 2, CHANNELS)  # patch, then channel
orders = {
    "channels of a patch together\n(InternVL)": pixel_unshuffle(grid)[0, 0],
    "patches of a channel together\n(PyTorch)": unshuffle_of_torch(
        grid.movedim(-1, 0), 2
    )[:, 0, 0],
}


def draw(ax, x, y, number):
    """One number of a patch: its color is the patch, its letter the channel."""
    patch, channel = divmod(int(number), CHANNELS)
    ax.add_patch(plt.Rectangle((x, y), 0.92, 0.92, facecolor=f"C{patch}", alpha=0.45))
    ax.text(x + 0.46, y + 0.46, f"{patch}{NAMES[channel]}", ha="center", va="center")


fig, ax = plt.subplots(figsize=(7, 2.6), layout="constrained")
for patch in range(4):
    for channel in range(CHANNELS):
        x, y = 3.4 * (patch % 2) + channel, 1.3 * (patch // 2)
        draw(ax, x, y + 1.2, grid.flatten()[CHANNELS * patch + channel])
ax.text(0, 0.9, "features of four patches")
for row, (name, order) in enumerate(orders.items()):
    ax.text(8.5, 2.6 * row + 0.95, name)
    for i, number in enumerate(order):
        draw(ax, 8.5 + i, 2.6 * row + 1.2, number)
ax.set(xlim=(-0.1, 20.6), ylim=(4.9, -0.6), aspect="equal")
ax.axis("off")
cells = {
    name: " ".join(f"{int(n) // CHANNELS}{NAMES[int(n) % CHANNELS]}" for n in order)
    for name, order in orders.items()
}
first, second = cells.values()
fig.set_label(
    f"Left, four patches 0 to 3 with channels a, b and c. Right, one token of twelve "
    f"numbers, above {first}, below {second}."
)
assert first.split()[1] == "0b"
assert second.split()[1] == "1a"
