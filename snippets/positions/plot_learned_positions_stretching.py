"""
A stretched table needs less further training than new rows
===========================================================

Tables for 32 reports are made to serve 128, by new rows or by interpolation. See
:doc:`/positions/learned_positions`.
"""

from copy import deepcopy
from functools import partial

import matplotlib.pyplot as plt
import torch
from torch import nn

from snippets.positions.learned_positions import LearnedPositions, interpolate
from snippets.positions.weather_reports import Forecaster, excess, fit, reports

torch.manual_seed(0)
SEEN, LONG, D_MODEL = 32, 128, 32
texts, test = reports(6000, SEEN + 1, seed=1), reports(200, LONG + 1, seed=2)
long_texts = reports(1000, LONG + 1, seed=3)


def trained(positions, steps: int) -> list[Forecaster]:
    models = [Forecaster(D_MODEL, positions()) for _ in range(3)]
    return fit(models, texts, steps=steps, batch=8, rate=3e-2).models


def longer(change) -> list[Forecaster]:
    copies = deepcopy(models)
    for copy in copies:
        table = change(copy.positions.table.weight.detach())
        copy.positions.table = nn.Embedding.from_pretrained(table, freeze=False)
    return copies


def tuned(change, steps: int) -> torch.Tensor:
    fitted = fit(longer(change), long_texts, steps=steps, batch=4, rate=3e-3)
    return excess(fitted.models, test)


extend = {
    "new rows": lambda x: torch.cat([x, 0.02 * torch.randn(LONG - SEEN, D_MODEL)]),
    "stretched": lambda x: interpolate(x, LONG),
    "copied": lambda x: x.repeat(LONG // SEEN, 1),
}
table = partial(LearnedPositions, max_len=SEEN, d_model=D_MODEL)
models = trained(table, 400)
curves = {"no positions": excess(trained(lambda: lambda places: 0, 150), test)}
for name in ("new rows", "stretched"):
    curves[name] = excess(longer(extend[name]), test)
    curves[f"{name}, trained on"] = tuned(extend[name], 100)
past = {name: curve[:, SEEN:].mean(1) for name, curve in curves.items()}
none, new, new_tuned, wide, wide_tuned = past.values()
assert ((new > wide + 0.02) & (wide > none)).all()
assert (wide_tuned < 0.5 * new_tuned).all()
long = [tuned(extend[key], 1000)[:, SEEN:].mean() for key in ("stretched", "copied")]
assert max(long) < new_tuned.mean() / 2
models = trained(partial(table, std=1.0), 400)
large = excess(longer(extend["stretched"]), test)[:, SEEN:].mean(1)
assert (large < wide).all()
keys = "none", "new", "new_tuned", "stretched", "stretched_tuned"
measured = {f"past_{key}": x.mean() for key, x in zip(keys, past.values(), strict=True)}
measured["past_stretched_long"], measured["past_copied_long"] = long
measured["past_large"] = large.mean()

fig, ax = plt.subplots(figsize=(6.2, 3.8))
looks = zip(("0.5", "C0", "C0", "C1", "C1"), curves.items(), strict=True)
for color, (name, curve) in looks:
    style = "--" if name.endswith("on") else "-"
    means = curve.mean(0).unflatten(0, (-1, 8)).mean(1)
    ax.plot(range(4, LONG, 8), means, style, color=color, marker="o", ms=3, label=name)
ax.axvline(SEEN, color="0.5", ls=":")
ax.set(xlabel="position", ylabel="loss above best (nats)", ylim=(0, 0.26))
ax.legend(fontsize=9, ncol=2, loc="upper right")
fig.set_label(
    "Loss above the best possible over position. Means beyond position 32 in nats: "
    + ", ".join(f"{name} {x.mean():.3f}" for name, x in past.items())
)
