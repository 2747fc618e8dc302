"""
A stretched table still finds its place in a picture of more patches
====================================================================

A model learns with 32 patches in which eighth of a strip a bright spot is, and reads
strips of 128 patches. See :doc:`/positions/learned_positions`.
"""

import matplotlib.pyplot as plt
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from snippets.positions.learned_positions import LearnedPositions, interpolate

SEEN, LONG, D_MODEL = 32, 128, 32


class Finder(nn.Module):
    """Attention pooling over patches, with one trained query."""

    def __init__(self):
        super().__init__()
        self.patch = nn.Linear(1, D_MODEL)
        self.positions = LearnedPositions(max_len=SEEN, d_model=D_MODEL)
        self.score, self.value = nn.Linear(D_MODEL, 1), nn.Linear(D_MODEL, D_MODEL)
        self.output = nn.Linear(D_MODEL, 8)

    def forward(self, strip):
        x = self.patch(strip[..., None]) + self.positions(torch.arange(strip.shape[1]))
        return self.output((self.score(x).softmax(1) * self.value(x)).sum(1))


def strips(count: int, patches: int):
    """Noisy brightness of each patch, and the eighth that has the spot."""
    spot, places = torch.rand(count, 1), (torch.arange(patches) + 0.5) / patches
    brightness = 2 * torch.exp(-(((places - spot) * 16) ** 2))
    return brightness + 0.3 * torch.randn(count, patches), (8 * spot[:, 0]).long()


@torch.no_grad()
def accuracy(finder: Finder, patches: int) -> float:
    strip, eighth = strips(1000, patches)
    return (finder(strip).argmax(-1) == eighth).float().mean().item()


found = {"32 patches": [], "128, new rows": [], "128, stretched": []}
for seed in range(3):
    torch.manual_seed(seed)
    finder = Finder()
    optimizer = torch.optim.Adam(finder.parameters(), lr=1e-2, fused=True)
    for _ in range(250):
        strip, eighth = strips(64, SEEN)
        loss = cross_entropy(finder(strip), eighth)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    table = finder.positions.table.weight.detach()
    new = torch.cat([table, 0.02 * torch.randn(LONG - SEEN, D_MODEL)])
    for name, rows in zip(found, (table, new, interpolate(table, LONG)), strict=True):
        finder.positions.table = nn.Embedding.from_pretrained(rows)
        found[name].append(accuracy(finder, len(rows)))
seen, new, stretched = (torch.tensor(values) for values in found.values())
assert stretched.min() > 0.75 > 0.4 > new.max()
measured = {"strip_seen": seen.mean(), "strip_new": new.mean()}
measured["strip_stretched"] = stretched.mean()

fig, ax = plt.subplots(figsize=(6.2, 2.4))
for row, values in enumerate(found.values()):
    ax.plot(values, [row] * 3, "o")
ax.axvline(1 / 8, color="0.5", ls=":")
ax.text(0.135, 0.4, "guessing")
ax.set_yticks(range(3), found)
ax.set(xlabel="accuracy", xlim=(0, 1), ylim=(2.4, -0.4))
fig.set_label(
    "Accuracy of three models in three settings. Means: "
    + ", ".join(f"{name} {sum(x) / 3:.2f}" for name, x in found.items())
    + "."
)
