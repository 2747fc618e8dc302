"""
How many blocks one token needs to be reached by the others
===========================================================

A figure of :doc:`/transformers/swin`. Blocks with random weights, with and without
shifted windows. For each input token, the first depth at which the output of one token
has a derivative with respect to it that is not zero.
"""

import matplotlib.pyplot as plt
import torch
from matplotlib.colors import BoundaryNorm, ListedColormap

from snippets.transformers.swin_block import Block

torch.manual_seed(0)
SIDE, WINDOW, DEPTH = 16, 4, 6
INNER, CORNER = (5, 6), (0, 0)


def reached(place: tuple[int, int], shift: int) -> list[torch.Tensor]:
    """For 1, 2, ... blocks: which inputs the output at a place depends on."""
    blocks = [Block(8, 2, 16, WINDOW, shift * (i % 2)) for i in range(DEPTH)]
    found = []
    for depth in range(1, DEPTH + 1):
        x = torch.randn(SIDE, SIDE, 8, dtype=torch.float64, requires_grad=True)
        y = x
        for block in blocks[:depth]:
            y = block.double()(y)
        direction = torch.randn(8, dtype=torch.float64)
        (grad,) = torch.autograd.grad(y[place] @ direction, x)
        found.append(grad.abs().sum(-1) > 0)
    return found


cases = {
    "no shift": (INNER, 0),
    "shift, inner token": (INNER, WINDOW // 2),
    "shift, corner token": (CORNER, WINDOW // 2),
}
reach = {name: reached(*case) for name, case in cases.items()}
counts = {name: [int(r.sum()) for r in each] for name, each in reach.items()}
assert set(counts["no shift"]) == {WINDOW**2}
assert counts["shift, inner token"][3] < counts["shift, inner token"][4] == SIDE**2
for name in list(cases)[1:]:
    assert all(a <= b for a, b in zip(counts[name], counts[name][1:], strict=False))
    assert counts[name][-1] > WINDOW**2

colors = ListedColormap(plt.get_cmap("viridis")(torch.linspace(0.95, 0.15, DEPTH)))
norm = BoundaryNorm([n + 0.5 for n in range(DEPTH + 1)], DEPTH)
fig, axes = plt.subplots(1, 3, figsize=(6.4, 2.6), layout="constrained")
for ax, (name, (place, _)) in zip(axes, cases.items(), strict=True):
    first = DEPTH + 1 - torch.stack(reach[name]).sum(0).double()  # reach only grows
    first = first.masked_fill(~reach[name][-1], torch.nan)
    image = ax.imshow(first, cmap=colors, norm=norm)
    ax.plot(place[1], place[0], "k*", ms=9)
    for line in range(WINDOW, SIDE, WINDOW):
        ax.axhline(line - 0.5, color="0.5", lw=0.8)
        ax.axvline(line - 0.5, color="0.5", lw=0.8)
    ax.set(xticks=[], yticks=[])
    ax.set_title(name, fontsize=10)
ticks = range(1, DEPTH + 1)
fig.colorbar(image, ax=axes, label="blocks needed", ticks=ticks, shrink=0.8)
fig.set_label(
    f"Three maps of {SIDE} by {SIDE} tokens. Tokens that the starred one depends on "
    f"after 1 to {DEPTH} blocks: "
    + "; ".join(f"{name} {', '.join(map(str, n))}" for name, n in counts.items())
    + "."
)
measured = {"fixed": counts["no shift"][-1]}
measured |= {"inner": counts["shift, inner token"][1]}
measured |= {"corner": counts["shift, corner token"][1]}
measured |= {"inner_all": counts["shift, inner token"][4]}
measured |= {"corner_all": counts["shift, corner token"][-1]}
