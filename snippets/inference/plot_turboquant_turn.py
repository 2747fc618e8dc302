"""
TurboQuant: normalize, rotate, round, and go back
=================================================

Two coordinates, two bits for each. The cloud is long and flat; after a rotation its
points use the table of any other cloud.
"""

import math

import matplotlib.pyplot as plt
import torch
from matplotlib.animation import FuncAnimation

from snippets.inference.turboquant import codebook, decode, encode

torch.manual_seed(0)

points = torch.randn(24, 2, dtype=torch.float64) * torch.tensor([0.8, 0.25])
unit = points / points.norm(dim=1, keepdim=True)
levels, angle = codebook(bits=2, dim=2), 0.85


def turn(share: float) -> torch.Tensor:
    cos, sin = math.cos(share * angle), math.sin(share * angle)
    return torch.tensor([[cos, -sin], [sin, cos]], dtype=torch.float64)


code = encode(points, turn(1), levels)
snapped, length = levels[code.index.int()], code.length
moves = {
    "original": lambda share: points,
    "length stored apart": lambda share: points * length ** (-share),
    "turned": lambda share: unit @ turn(share).T,
    "rounded": lambda share: unit @ turn(1).T * (1 - share) + snapped * share,
    "turned back": lambda share: snapped @ turn(1 - share),
    "length restored": lambda share: snapped @ turn(0) @ turn(1) * length**share,
}
assert torch.allclose(
    moves["length restored"](1), decode(code, turn(1), levels), atol=1e-12
)
frames = [(name, share) for name in moves for share in (0.5, 1)][1:]

fig, stage = plt.subplots(figsize=(4.6, 4.2))
fig.set_label(
    "Animation of a flat cloud of points: it is moved onto the unit circle, turned, "
    "snapped to a grid of four levels for each coordinate, turned back, and stretched "
    "to the old lengths. In the last frame lines join each point to what it became."
)


def draw(frame: tuple) -> None:
    name, share = frame
    stage.clear()
    stage.add_patch(plt.Circle((0, 0), 1, fill=False, ec="0.5"))
    if name in ("turned", "rounded"):
        for level in levels.tolist():
            stage.axhline(level, color="C1", lw=0.8)
            stage.axvline(level, color="C1", lw=0.8)
    shown = moves[name](share)
    if name == "length restored":
        for start, end in zip(points.tolist(), shown.tolist(), strict=True):
            stage.plot(*zip(start, end, strict=True), color="0.5", lw=0.8)
        stage.plot(*points.T, "o", mfc="none", mec="C2", ms=5)
    stage.plot(*shown.T, "o", color="C0", ms=5)
    stage.set(xlim=(-1.6, 1.6), ylim=(-1.3, 1.3), aspect="equal", title=name)
    stage.set(xlabel="first coordinate", ylabel="second coordinate")


animation = FuncAnimation(fig, draw, frames, interval=700)
