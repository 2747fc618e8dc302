"""
What T5's table learns, and what its untrained buckets do to longer texts
=========================================================================

Three models with T5's bias learn to forecast weather reports from texts of 32 and read
texts of 128. See :doc:`/positions/relative_positions`.
"""

import math
from copy import deepcopy

import matplotlib.pyplot as plt
import torch

from snippets.positions.relative_heads import T5Head
from snippets.positions.relative_positions import t5_bias, t5_bucket
from snippets.positions.weather_reports import Forecaster, excess, fit, reports

torch.manual_seed(0)
SEEN, LONG, D_MODEL = 32, 128, 32
texts, test = reports(4000, SEEN + 1, seed=1), reports(300, LONG + 1, seed=2)
models = [Forecaster(D_MODEL, lambda places: 0, T5Head()) for _ in range(3)]
models = fit(models, texts, steps=400, batch=16, rate=1.5e-2).models
tables = torch.stack([model.attend.table.detach()[:, 0] for model in models])
last = int(t5_bucket(torch.tensor(1 - SEEN), causal=True))  # the last trained bucket
assert tables[:, last + 1 :].abs().max() == 0
assert (tables[:, 1] > tables[:, 4]).all()
assert (tables[:, 4] > tables[:, 10]).all()


def changed(value: float | None) -> list[Forecaster]:
    """Copies with the last trained bucket and all further ones set to one value."""
    copies = deepcopy(models)
    for copy, table in zip(copies, tables, strict=True):
        copy.attend.table.data[last:] = table[last - 1] if value is None else value
    return copies


curves = {
    "as trained": excess(models, test),
    "far buckets like bucket 20": excess(changed(None), test),
    "far buckets at -10": excess(changed(-10.0), test),
}
far = [curve[:, 2 * SEEN :].mean(1) for curve in curves.values()]
assert (far[0] > 1.5 * far[1]).all()
assert (far[1] > 1.5 * far[2]).all()
row_1, row_16 = tables[:, 1].mean(), tables[:, 16].mean()
measured = {"row_1": row_1, "row_16": row_16, "far_shut": far[2].mean()}
measured |= {"far_as_trained": far[0].mean(), "far_copied": far[1].mean()}

fig, (left, right) = plt.subplots(1, 2, figsize=(6.2, 3))
bias = t5_bias(tables[0, :, None], SEEN, SEEN, causal=True)[0]
future = torch.ones(SEEN, SEEN, dtype=torch.bool).triu(1)
image = left.imshow(bias.masked_fill(future, math.nan))
left.set(xlabel="key position", ylabel="query position")
fig.colorbar(image, ax=left, shrink=0.8)
for table in tables:
    right.plot(table[: last + 1], "o", ms=3, color="C0")
    right.plot(range(last + 1, 32), table[last + 1 :], "o", ms=3, color="C1")
right.set(xlabel="bucket", ylabel="added to the score")
fig.set_label(
    "Left, a heat map of the bias for 32 queries and keys, with constant diagonals, "
    "largest one position before the query. Right, three models' biases by bucket: "
    f"from {row_1:.1f} in bucket 1 down to {row_16:.1f} in bucket 16, on average, and "
    "zero from bucket 22 on."
)

fig, ax = plt.subplots(figsize=(6.2, 3))
for color, (name, curve) in zip(("C1", "C0", "C2"), curves.items(), strict=True):
    means = curve.mean(0).unflatten(0, (-1, 8)).mean(1)
    ax.plot(range(4, LONG, 8), means, "o-", ms=3, color=color, label=name)
ax.axvline(SEEN, color="0.5", ls=":")
ax.set(xlabel="position", ylabel="loss above best (nats)", ylim=(0, None))
ax.legend()
fig.set_label(
    "Loss above the best possible over position to 128, mean of three models. Beyond "
    f"64 it is {far[0].mean():.3f} nats as trained, {far[1].mean():.4f} with far "
    f"buckets set like bucket 20, and {far[2].mean():.4f} with far buckets at -10."
)
