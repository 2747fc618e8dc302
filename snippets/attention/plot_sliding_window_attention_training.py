"""
A trained stack recalls as far back as its receptive field, and no farther
==========================================================================

At every position a model must name the symbols one to seven positions back. Its layers
have a window of three, so each reaches two positions farther
(:doc:`/attention/sliding_window_attention`). Three models for each number of layers.
"""

import matplotlib.pyplot as plt
import numpy as np
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from snippets.attention.multi_head_attention import MultiHeadAttention
from snippets.attention.sliding_window_attention import window_mask

SYMBOLS, SEQ, BACK, WINDOW = 4, 16, range(1, 8), 3


class Recaller(nn.Module):
    def __init__(self, layers: int) -> None:
        super().__init__()
        self.symbol = nn.Embedding(SYMBOLS, 32)
        self.position = nn.Parameter(torch.randn(SEQ, 32) / 2)
        self.norms = nn.ModuleList(nn.LayerNorm(32) for _ in range(layers))
        self.layers = nn.ModuleList(
            MultiHeadAttention(d_model=32, heads=4) for _ in range(layers)
        )
        self.answer = nn.Linear(32, len(BACK) * SYMBOLS)

    def forward(self, symbols):
        x, allowed = self.symbol(symbols) + self.position, window_mask(SEQ, SEQ, WINDOW)
        for norm, layer in zip(self.norms, self.layers, strict=True):
            x = x + layer(norm(x), allowed=allowed)
        return self.answer(x)[:, max(BACK) :].unflatten(-1, (len(BACK), SYMBOLS))


def answers(symbols):
    first = max(BACK)
    return torch.stack([symbols[:, first - b : SEQ - b] for b in BACK], dim=-1)


def accuracy(layers: int, seed: int) -> np.ndarray:
    """Right answers for each distance, on new texts, after 200 batches."""
    torch.manual_seed(seed)
    model, random = Recaller(layers), torch.Generator().manual_seed(seed + 1)
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3, fused=True)
    for _ in range(200):
        symbols = torch.randint(SYMBOLS, (32, SEQ), generator=random)
        loss = cross_entropy(model(symbols).flatten(0, -2), answers(symbols).flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    symbols = torch.randint(SYMBOLS, (200, SEQ), generator=random)
    right = model(symbols).argmax(-1) == answers(symbols)
    return right.float().mean(dim=(0, 1)).numpy()


fig, ax = plt.subplots()
inside, outside = [], []
for color, (layers, mark) in enumerate(((1, "o"), (2, "s"), (3, "^"))):
    lines = np.array([accuracy(layers, seed) for seed in range(3)])
    reach = layers * (WINDOW - 1)
    inside.extend(lines[:, :reach].flat)
    outside.extend(lines[:, reach:].flat)
    ax.plot(BACK, lines.T, color=f"C{color}", alpha=0.4, lw=1)
    ax.plot(BACK, lines.mean(0), f"{mark}-", color=f"C{color}", label=f"{layers}")
assert min(inside) > 0.95
assert max(outside) < 0.35
ax.axhline(1 / SYMBOLS, color="0.5", ls=":")
ax.text(1, 1 / SYMBOLS - 0.02, "guessing", va="top")
ax.legend(title="layers", loc="lower left", bbox_to_anchor=(0.1, 0.3))
ax.set(xlabel="positions back", ylabel="right answers", ylim=(0, 1.05))
fig.set_label(
    "Right answers over the distance, for one, two and three layers with a window of "
    "three, three models each. Each line stays near one, at the lowest "
    f"{min(inside):.3f}, up to two positions per layer, then drops to at most "
    f"{max(outside):.2f}, near guessing."
)
measured = {"inside": min(inside), "outside": max(outside)}
