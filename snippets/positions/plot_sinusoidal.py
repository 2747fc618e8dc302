"""
Sinusoidal encoding: clocks, a shift by one matrix, and a head that looks back
==============================================================================

Figures for :doc:`/positions/sinusoidal`: the hands of six clocks, the pattern of an
encoding, how alike two positions are, and where a trained head finds the token that
stands three places before.
"""

import math

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.animation import FuncAnimation
from torch import nn
from torch.nn.functional import cross_entropy, one_hot

from snippets.positions.sinusoidal import (
    frequencies,
    shift_matrix,
    similarity,
    sinusoidal,
)

torch.manual_seed(0)

# %%
# Two positions on six clocks
# ---------------------------
# Both hands of a clock turn, the angle between them stays.

clocks, frames, BACK = 6, 12, 3
hands = sinusoidal(torch.arange(frames + BACK), d_model=2 * clocks).unflatten(
    1, (-1, 2)
)
around = torch.linspace(0, 2 * math.pi, 100)

fig, axes = plt.subplots(2, 3, figsize=(6.2, 4.4))
pointers = []
for clock, ax in enumerate(axes.flat):
    ax.plot(around.sin(), around.cos(), color="0.5", lw=1)
    wavelength = 2 * math.pi / frequencies(2 * clocks)[clock].item()
    ax.set_title(f"once around in {wavelength:,.0f}", fontsize=10)
    ax.set(aspect="equal", xlim=(-1.1, 1.1), ylim=(-1.1, 1.1))
    ax.axis("off")
    pointers.append([ax.plot([], [], f"C{i}", lw=2 + 2 * i)[0] for i in (1, 0)])
title = fig.suptitle("", fontsize=11)


def draw(position):
    for clock, (later, now) in enumerate(pointers):
        for line, place in ((now, position), (later, position + BACK)):
            line.set_data(*[[0, x] for x in hands[place, clock].tolist()])
    title.set_text(f"positions {position} (thin) and {position + BACK} (thick)")


animation = FuncAnimation(fig, draw, frames=frames, interval=400)
fig.set_label(
    "Six dials, each with a thin and a thick hand for positions that are three apart. "
    "The first dial turns once in 6 positions, the last in about 13,500. On each dial "
    "the angle between its two hands stays the same while both turn."
)

# %%
# The pattern
# -----------
# A row is an encoding. Fast clocks stand at the left, slow ones at the right.

fig, ax = plt.subplots(figsize=(6.2, 3.8))
image = ax.imshow(sinusoidal(torch.arange(100), d_model=64), aspect="auto")
fig.colorbar(image, label="value")
ax.set(xlabel="feature", ylabel="position")
fig.set_label(
    "Heat map of 100 positions by 64 features: quick stripes in the features at the "
    "left, ever slower waves to the right, where columns alternate between 0 and 1."
)

# %%
# How alike two positions are
# ---------------------------
# The dot product depends on the offset alone. One matrix moves its peak.

D_MODEL = 64
here = sinusoidal(torch.arange(200.0).double(), D_MODEL)
moved = here @ shift_matrix(-BACK, D_MODEL).mT
offset = torch.arange(-40, 41)
gap = (
    similarity(torch.tensor(0), D_MODEL) - similarity(torch.tensor(1), D_MODEL)
).item()
errors = [
    (here[:-k] @ shift_matrix(k, D_MODEL).mT - here[k:]).abs().max().item()
    for k in (1, BACK, 100)
]
alike = here @ here.mT
spread = (alike[100] - similarity(torch.arange(200) - 100, D_MODEL)).abs().max().item()

assert max(errors) < 1e-12
assert spread < 1e-11
assert (moved @ here.mT).argmax(1)[BACK:].tolist() == list(range(200 - BACK))

fig, ax = plt.subplots()
ax.plot(offset, alike[100, 100 + offset], label="encoding itself")
ax.plot(offset, (moved @ here.mT)[100, 100 + offset], "--", label="moved by -3")
ax.set(xlabel="key position minus query position", ylabel="dot product")
ax.legend()
fig.set_label(
    "Two curves of dot product over offset, equal but for their place: a sharp peak of "
    "32, at offset 0 for the encoding itself, at minus 3 for the moved one, and slopes "
    "with small waves on both sides."
)

# %%
# Three places back
# -----------------
# One head reads random symbols and has to name the one three places before. It learns
# on 32 tokens, placed at 0 to 31 or at a random start, and is asked on 128.

SYMBOLS, SEEN, LENGTH = 16, 32, 128


class Head(nn.Module):
    def __init__(self):
        super().__init__()
        self.symbol = nn.Embedding(SYMBOLS, D_MODEL)
        self.query, self.key, self.value = (
            nn.Linear(D_MODEL, D_MODEL, bias=False) for _ in range(3)
        )
        self.answer = nn.Linear(D_MODEL, SYMBOLS)

    def forward(self, symbols, start=0):
        places = torch.arange(start, start + symbols.shape[1])
        x = self.symbol(symbols) + sinusoidal(places, D_MODEL)
        return self.answer(attend(self.query(x), self.key(x), self.value(x)))


def attend(query, key, value):
    scores = query @ key.mT / math.sqrt(D_MODEL)
    future = torch.ones(scores.shape[-2:]).triu(1).bool()
    return scores.masked_fill(future, -math.inf).softmax(-1) @ value


def trained(seed: int, latest_start: int) -> Head:
    torch.manual_seed(seed)
    head = Head()
    optimizer = torch.optim.Adam(head.parameters(), lr=3e-3, fused=True)
    for _ in range(400):
        symbols = torch.randint(SYMBOLS, (16, SEEN))
        guess = head(symbols, torch.randint(latest_start + 1, ()).item())
        loss = cross_entropy(guess[:, BACK:].mT, symbols[:, :-BACK])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return head


def by_hand(symbols):
    x = sinusoidal(torch.arange(symbols.shape[1]), D_MODEL)
    query = 100 * x @ shift_matrix(-BACK, D_MODEL).float().mT
    return attend(query, x, one_hot(symbols, SYMBOLS).float())


@torch.no_grad()
def accuracy(head) -> np.ndarray:
    symbols = torch.randint(SYMBOLS, (200, LENGTH))
    right = head(symbols).argmax(-1)[:, BACK:] == symbols[:, :-BACK]
    return right.float().mean(0).numpy()


curves = {
    "trained at 0 to 31": [accuracy(trained(seed, 0)) for seed in range(2)],
    "trained at random starts": [accuracy(trained(seed, 112)) for seed in range(2)],
    "matrix by hand": [accuracy(by_hand)],
}
first, shifted, exact = (np.array(curve) for curve in curves.values())
seen, beyond = slice(None, SEEN - BACK), slice(SEEN - BACK, None)

assert first[:, seen].mean() > 0.95
assert first[:, beyond].mean() < 0.5
assert shifted[:, beyond].mean() > 0.95
assert exact.min() == 1

fig, ax = plt.subplots()
place = np.arange(BACK, LENGTH)
for color, (name, curve) in enumerate(curves.items()):
    style = {"lw": 5, "alpha": 0.4} if name == "matrix by hand" else {}
    ax.plot(place, np.mean(curve, axis=0), color=f"C{color}", label=name, **style)
ax.axvline(SEEN - 0.5, color="0.5", ls=":")
ax.axhline(1 / SYMBOLS, color="0.5", ls=":")
ax.text(0, 1 / SYMBOLS + 0.02, "guessing")
ax.set(xlabel="position", ylabel="accuracy", ylim=(0, 1.05))
ax.legend(loc="center right", bbox_to_anchor=(1, 0.68))
fig.set_label(
    "Accuracy over position. The head trained at positions 0 to 31 is right up to 31, "
    "then falls within a few positions to between 0.1 and 0.6. The head trained at "
    "random starts and the matrix made by hand stay at 1 up to position 127."
)

measured = {
    "shift_error": max(errors),
    "gap": gap,
    "seen": float(first[:, seen].mean()),
    "beyond": float(first[:, beyond].mean()),
    "random_starts": float(shifted[:, beyond].mean()),
    "by_hand": float(exact[:, beyond].mean()),
}
