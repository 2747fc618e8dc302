"""
Shaw's clipped relative positions keep their loss on longer texts
=================================================================

Models with sinusoidal positions, Shaw's tables, and both learn to forecast weather
reports from texts of 32. One table is so long that training does not reach its end.
See :doc:`/positions/relative_positions`.
"""

from functools import partial

import matplotlib.pyplot as plt
import torch

from snippets.positions.relative_heads import ShawHead
from snippets.positions.sinusoidal import sinusoidal
from snippets.positions.weather_reports import (
    Forecaster,
    causal_attention,
    excess,
    fit,
    reports,
)

torch.manual_seed(0)
SEEN, LONG, D_MODEL = 32, 128, 32
texts, test = reports(6000, SEEN + 1, seed=1), reports(200, LONG + 1, seed=2)
short_test = reports(500, SEEN + 1, seed=3)
absolute = partial(sinusoidal, d_model=D_MODEL)
shaw, unclipped = (partial(ShawHead, reach=n, d_model=D_MODEL) for n in (16, 64))
schemes = {
    "none": ("no positions", "0.5", lambda places: 0, lambda: causal_attention),
    "sinusoidal": ("sinusoidal", "C1", absolute, lambda: causal_attention),
    "shaw": ("Shaw, K = 16", "C2", lambda places: 0, shaw),
    "unclipped": ("Shaw, K = 64", "C0", lambda places: 0, unclipped),
    "both": ("Shaw, K = 16, and sinusoidal", "C3", absolute, shaw),
}
seen, far, measured = {}, {}, {}
fig, ax = plt.subplots(figsize=(6.2, 3.8))
for key, (label, color, positions, head) in schemes.items():
    models = [Forecaster(D_MODEL, positions, head()) for _ in range(3)]
    steps = 200 if key == "none" else 1200
    models = fit(models, texts, steps=steps, batch=8, rate=3e-2).models
    curves = excess(models, test)
    seen[key] = excess(models, short_test)[:, 8:].mean(1)
    far[key] = curves[:, 2 * SEEN :].mean(1)
    measured |= {key: seen[key].mean(), f"far_{key}": far[key].mean()}
    for seed, line in enumerate(curves.unflatten(1, (-1, 8)).mean(2)):
        name = None if seed else label
        ax.plot(range(4, LONG, 8), line, color=color, lw=1.2, label=name)
assert all(seen[key].max() < 0.002 for key in ("shaw", "sinusoidal", "both"))
assert far["shaw"].max() < 0.004
assert measured.pop("unclipped") < 0.003
assert far["unclipped"].min() > 2 * far["shaw"].max()
assert far["both"].min() > 4 * far["shaw"].max()
assert (seen["both"] - seen["shaw"]).abs().max() < 2e-4

ax.axvline(SEEN, color="0.5", ls=":")
ax.set(xlabel="position", ylabel="loss above best (nats)", yscale="log")
ax.set(ylim=(1e-3, 1))
ax.legend(loc="upper left", ncol=2, fontsize=9)
fig.set_label(
    "Loss above the best possible over position to 128, logarithmic, three lines each. "
    "Means beyond position 64 in nats: "
    + ", ".join(f"{schemes[key][0]} {loss.mean():.4f}" for key, loss in far.items())
)
