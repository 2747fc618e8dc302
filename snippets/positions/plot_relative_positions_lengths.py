"""
Shaw's clipped relative positions keep their loss on longer texts
=================================================================

Models with sinusoidal positions, Shaw's tables, both, and T5's bias learn to forecast
weather reports from texts of 32. See :doc:`/positions/relative_positions`.
"""

from functools import partial

import matplotlib.pyplot as plt
import torch

from snippets.positions.relative_heads import ShawHead, T5Head
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
texts, test = reports(4000, SEEN + 1, seed=1), reports(200, LONG + 1, seed=2)
short_test = reports(1000, SEEN + 1, seed=3)
absolute = partial(sinusoidal, d_model=D_MODEL)
shaw = partial(ShawHead, reach=16, d_model=D_MODEL)
schemes = {
    "sinusoidal": (absolute, lambda: causal_attention),
    "T5": (lambda places: 0, T5Head),
    "Shaw": (lambda places: 0, shaw),
    "Shaw and sinusoidal": (absolute, shaw),
}
curves, seen = {}, {}
for name, (positions, head) in schemes.items():
    models = [Forecaster(D_MODEL, positions, head()) for _ in range(3)]
    models = fit(models, texts, steps=400, batch=16, rate=1.5e-2).models
    curves[name] = excess(models, test)
    seen[name] = excess(models, short_test)[:, 8:].mean(1)
far = {name: curve[:, 2 * SEEN :].mean(1) for name, curve in curves.items()}
assert seen["Shaw"].max() < seen["sinusoidal"].min()
assert far["Shaw"].max() < 0.006
assert far["Shaw and sinusoidal"].min() > 2 * far["Shaw"].max()
assert far["sinusoidal"].min() > 2 * far["T5"].max()
keys = ("sinusoidal", "t5", "shaw", "both")
measured = {key: value.mean() for key, value in zip(keys, seen.values(), strict=True)}
for key, value in zip(keys, far.values(), strict=True):
    measured[f"far_{key}"] = value.mean()
for key, value in zip(keys[2:], list(seen.values())[2:], strict=True):
    measured[f"{key}_low"], measured[f"{key}_high"] = value.min(), value.max()

fig, ax = plt.subplots(figsize=(6.2, 3.8))
for color, (name, curve) in zip(("C1", "C0", "C2", "C3"), curves.items(), strict=True):
    for seed, line in enumerate(curve.unflatten(1, (-1, 8)).mean(2)):
        label = None if seed else name
        ax.plot(range(4, LONG, 8), line, color=color, lw=1.2, label=label)
ax.axvline(SEEN, color="0.5", ls=":")
ax.set(xlabel="position", ylabel="loss above best (nats)", yscale="log")
ax.set(ylim=(2e-4, 1))
ax.legend(loc="upper left", ncol=2, fontsize=9)
fig.set_label(
    "Loss above the best possible over position to 128, logarithmic, three lines each. "
    "Means beyond position 64 in nats: "
    + ", ".join(f"{name} {value.mean():.3f}" for name, value in far.items())
    + "."
)
