"""
A trained table reaches about the loss of sinusoids, but needs more steps
=========================================================================

Forecasters of the weather with a table, with sinusoids, and without positions. See
:doc:`/positions/learned_positions`.
"""

from functools import partial

import matplotlib.pyplot as plt
import torch

from snippets.positions.learned_positions import LearnedPositions
from snippets.positions.sinusoidal import sinusoidal
from snippets.positions.weather_reports import Forecaster, excess, fit, reports

torch.manual_seed(0)
SEEN, D_MODEL, STEPS = 32, 32, 1000
texts, test = reports(8000, SEEN + 1, seed=1), reports(500, SEEN + 1, seed=2)
schemes = {
    "none": lambda: lambda positions: 0,
    "sinusoidal": lambda: partial(sinusoidal, d_model=D_MODEL),
    "learned": partial(LearnedPositions, max_len=SEEN, d_model=D_MODEL),
}
last, half, measured = {}, {}, {}
fig, ax = plt.subplots()
for color, (name, positions) in zip(("0.5", "C1", "C0"), schemes.items(), strict=True):
    models = [Forecaster(D_MODEL, positions()) for _ in range(3)]
    models, history = fit(models, texts, steps=STEPS, batch=16, rate=1e-2)
    last[name] = excess(models, test)[:, 8:].mean(1)
    half[name] = history[STEPS // 2 - 100 : STEPS // 2].mean()
    measured[name] = last[name].mean()
    for seed, line in enumerate(history.T.unfold(1, 80, 10).mean(-1)):
        at = 40 + 10 * torch.arange(len(line))
        label = None if seed else name
        ax.plot(at, line, color=color, lw=1.2, label=label)
measured["learned_half"] = half["learned"]
measured["sinusoidal_half"] = half["sinusoidal"]
assert last["sinusoidal"].max() < last["learned"].min()
assert last["learned"].max() < 0.5 * last["none"].min()
assert half["learned"] > 1.5 * half["sinusoidal"]

ax.set(xlabel="steps of training", ylabel="loss above best (nats)", ylim=(0, 0.08))
ax.legend()
fig.set_label(
    "Loss above the best possible over 1000 steps of training, three lines each. "
    "Sinusoids fall first. The table stays with the models without positions for some "
    "500 steps and then falls too. On new texts the means are, in nats: "
    + ", ".join(f"{name} {value.mean():.4f}" for name, value in last.items())
    + "."
)
