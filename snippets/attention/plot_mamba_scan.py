"""
Mamba: the rounds of a parallel scan
====================================

For :doc:`/attention/mamba`: sixteen maps are composed in seven rounds. Each row shows
which inputs have reached the state at one position.
"""

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.animation import FuncAnimation

from snippets.attention.mamba import combine, scan

torch.manual_seed(0)
SEQ = 16
UP = [(2 * distance - 1, distance) for distance in (1, 2, 4, 8)]
DOWN = [(3 * distance - 1, distance) for distance in (4, 2, 1)]

# %%
# Four rounds up, three rounds down
# ---------------------------------
# In a round, the map at every ``2 * distance``-th position, from ``first`` on, is
# combined with the map ``distance`` positions before it.

maps = [tuple(pair) for pair in torch.rand(SEQ, 2, dtype=torch.float64)]
expected = scan(*torch.tensor(maps).T[:, None, :, None, None]).flatten()
inputs = [{t} for t in range(SEQ)]
arrived = np.where(np.eye(SEQ), 0, np.nan)
frames, combinations = [(arrived.copy(), 0, 0)], 0
for number, (first, distance) in enumerate(UP + DOWN, 1):
    for t in range(first, SEQ, 2 * distance):
        maps[t] = combine(maps[t - distance], maps[t])
        fresh = list(inputs[t - distance] - inputs[t])
        arrived[t, fresh] = number
        inputs[t].update(fresh)
        combinations += 1
    frames += [(arrived.copy(), number, combinations)] * 2
assert all(inputs[t] == set(range(t + 1)) for t in range(SEQ))
torch.testing.assert_close(torch.stack([b for _, b in maps]), expected)

fig, ax = plt.subplots(figsize=(5.2, 4.6))
picture = ax.imshow(frames[0][0], vmin=-1, vmax=7, cmap="viridis")
ax.set(xlabel="input", ylabel="state at position", xticks=[0, 5, 10, 15])
ax.set(yticks=[0, 5, 10, 15])
colors = fig.colorbar(picture, label="round in which it arrived", ticks=range(8))
colors.ax.set_ylim(0, 7)
fig.set_label(
    "A square of 16 positions by 16 inputs. It starts as a diagonal. In four rounds "
    "blocks of 2, 4, 8 and 16 inputs reach the last rows of the blocks; in three more "
    "rounds the remaining rows fill up, until the lower triangle is complete."
)


def update(frame: tuple) -> None:
    cells, number, made = frame
    picture.set_data(cells)
    ax.set_title(f"round {number} of {len(UP + DOWN)}: {made} combinations")


animation = FuncAnimation(fig, update, frames + frames[-1:] * 4, interval=500)
update(frames[-1])
measured = {"rounds": len(UP + DOWN), "combinations": combinations}
