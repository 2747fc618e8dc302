"""
A trained table is as good as sinusoids; its rows line up if they start small
=============================================================================

Forecasters of the weather with tables that start small or large, with sinusoids, and
without positions. See :doc:`/positions/learned_positions`.
"""

from functools import partial

import matplotlib.pyplot as plt
import torch
from torch.nn.functional import normalize

from snippets.positions.learned_positions import LearnedPositions
from snippets.positions.sinusoidal import sinusoidal
from snippets.positions.weather_reports import Forecaster, excess, fit, reports

torch.manual_seed(0)
SEEN, D_MODEL, STEPS, EARLY = 32, 32, 500, slice(100, 150)
texts, test = reports(6000, SEEN + 1, seed=1), reports(500, SEEN + 1, seed=2)
table = partial(LearnedPositions, max_len=SEEN, d_model=D_MODEL)
sines = partial(sinusoidal, d_model=D_MODEL)
schemes = {  # without positions, the loss is soon level
    "none": ("no positions", "0.5", lambda: lambda places: 0, 200),
    "sinusoidal": ("sinusoidal", "C1", lambda: sines, STEPS),
    "small": ("table, std 0.02", "C0", partial(table, std=0.02), STEPS),
    "large": ("table, std 1", "C2", partial(table, std=1.0), STEPS),
}
last, measured, rows = {}, {}, {}
fig, ax = plt.subplots()
for name, (label, color, positions, steps) in schemes.items():
    models = [Forecaster(D_MODEL, positions()) for _ in range(3)]
    models, history = fit(models, texts, steps=steps, batch=8, rate=3e-2)
    last[name] = excess(models, test)[:, 8:].mean(1)
    measured |= {name: last[name].mean(), f"{name}_early": history[EARLY].mean()}
    for seed, line in enumerate(history.T.unfold(1, 20, 5).mean(-1)):
        at = 10 + 5 * torch.arange(len(line))
        ax.plot(at, line, color=color, lw=1.2, label=None if seed else label)
    if name in ("small", "large"):
        rows[name] = torch.stack([m.positions.table.weight.detach() for m in models])
assert max(last["sinusoidal"].max(), last["large"].max()) < 0.003
assert measured["small_early"] > 0.7 * measured.pop("none_early")
assert measured["large_early"] < 0.6 * measured["small_early"]
measured["low"], measured["high"] = last["small"].min(), last["small"].max()
ax.set(xlabel="steps of training", ylabel="loss above best (nats)", yscale="log")
ax.legend()
fig.set_label(
    "Loss above the best possible over 500 steps, logarithmic, three lines each. "
    "Without positions it stays level. At steps 100 to 150 tables of std 0.02 average "
    f"{measured['small_early']:.3f} nats, tables of std 1 {measured['large_early']:.3f}"
    f", sinusoids {measured['sinusoidal_early']:.3f}. On new texts, the means are "
    f"{measured['none']:.4f} without positions, {measured['sinusoidal']:.4f} with "
    f"sinusoids, {measured['small']:.4f} at std 0.02, {measured['large']:.4f} at std 1."
)

# %%
# Cosines of the rows, and their coordinates along the direction that explains most.

fig, axes = plt.subplots(1, 3, figsize=(6.2, 2.4), layout="constrained")
for ax, (name, tables) in zip(axes, rows.items(), strict=False):
    cosines = normalize(tables, dim=-1) @ normalize(tables, dim=-1).mT
    for apart in (1, 8, 24):
        measured[f"{name}_{apart}"] = cosines.diagonal(apart, dim1=1, dim2=2).mean()
    image = ax.imshow(cosines[0], vmin=-1, vmax=1)
    ax.set(xlabel="position", title={"small": "std 0.02", "large": "std 1"}[name])
fig.colorbar(image, ax=axes[:2], label="cosine", shrink=0.7)
_, sizes, directions = torch.linalg.svd(rows["small"])
along = (rows["small"] @ directions[:, 0, :, None])[..., 0]
along = along * (along[:, -1:] - along[:, :1]).sign()
measured["line_share"] = (sizes[:, 0] ** 2 / sizes.square().sum(1)).mean()
assert measured["small_1"] > measured["small_8"] + 0.2 > measured["small_24"] + 0.8
axes[2].plot(along.T, ".", color="C0")
axes[2].set(xlabel="position", ylabel="main coordinate", title="std 0.02")
fig.set_label(
    "Two heat maps of cosines between 32 rows after training, and a scatter plot. A "
    "table of std 0.02: near 1 at the diagonal, negative far from it. A table of std "
    "1: near zero off the diagonal. Right, the main coordinate of three tables of std "
    f"0.02 rises from {along[:, 0].mean():.1f} to {along[:, -1].mean():.1f} on average."
)
