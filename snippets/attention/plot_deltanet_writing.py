"""
DeltaNet: two states while pairs are written
============================================

For :doc:`/attention/deltanet`: twelve letters are written under four keys, by adding
and by the delta rule. The delta rule returns the last letter of each key.
"""

import matplotlib.pyplot as plt
import torch
from matplotlib.animation import FuncAnimation
from torch.nn.functional import normalize

from snippets.attention.deltanet import delta_rule

torch.manual_seed(3)

# %%
# Letters of 25 pixels, keys of 8 features
# ----------------------------------------

letters = {
    "L": "10000 10000 10000 10000 11111",
    "T": "11111 00100 00100 00100 00100",
    "X": "10001 01010 00100 01010 10001",
    "O": "01110 10001 10001 10001 01110",
    "H": "10001 10001 11111 10001 10001",
    "Z": "11111 00010 00100 01000 11111",
}
pixels = {
    name: torch.tensor([float(bit) for bit in rows.replace(" ", "")])
    for name, rows in letters.items()
}
written = list(zip("012302130123", "LTXOHZLXTOHZ", strict=True))
keys, one = normalize(torch.randn(4, 8), dim=-1), torch.ones(1, 1, 1)
states, last = torch.zeros(2, 25, 8), [torch.zeros(25)] * 4
frames = []
for index, name in ((int(key), name) for key, name in written):
    last[index] = pixels[name]
    key, value = keys[index].view(1, 1, 1, 8), pixels[name].view(1, 1, 1, 25)
    added = states[0] + torch.outer(pixels[name], keys[index])
    corrected = delta_rule(key, key, value, one, states[None, 1:])[1][0, 0]
    states = torch.stack([added, corrected])
    frames.append((index, name, list(last), states, states @ keys.T))
frames += frames[-1:] * 4
error = (frames[-1][-1] - torch.stack(last, dim=-1)).square().mean(dim=(1, 2))
assert error[1] < 0.2 < 1 < error[0]

fig, grid = plt.subplots(3, 5, figsize=(6.2, 4.4), width_ratios=[1.3, 1, 1, 1, 1])
fig.set_label(
    "Animation of two states. After twelve writes, the state that adds returns sums of "
    "all letters of a key, with a mean squared error per pixel of "
    f"{error[0]:.1f}; the delta rule returns the last letters with an error of "
    f"{error[1]:.2f}."
)


def draw(frame: tuple) -> None:
    index, name, last, states, outputs = frame
    looks = {"cmap": "viridis", "vmin": -0.5, "vmax": 1.5}
    for ax in grid.flat:
        ax.clear()
        ax.set(xticks=[], yticks=[])
    grid[0, 0].axis("off")
    grid[0, 0].text(0.5, 0.5, f"write {name}\nunder key {index}", ha="center")
    for key in range(4):
        grid[0, key + 1].imshow(last[key].view(5, 5), **looks)
        bold = {"color": "C1", "weight": "bold"} if key == index else {}
        grid[0, key + 1].set_title(f"key {key}", **bold)
    for row, label in enumerate(["added", "delta rule"]):
        grid[row + 1, 0].imshow(states[row], aspect="auto", **looks)
        grid[row + 1, 0].set_ylabel(label)
        for key in range(4):
            grid[row + 1, key + 1].imshow(outputs[row, :, key].view(5, 5), **looks)
    grid[2, 0].set_xlabel("state")
    grid[2, 2].set_xlabel("output for each key", x=1.1)


animation = FuncAnimation(fig, draw, frames, interval=900)
