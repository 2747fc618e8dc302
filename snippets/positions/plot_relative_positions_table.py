"""
What T5's table learns, and what its untrained buckets do to longer texts
=========================================================================

Three models with T5's bias learn to forecast weather reports from texts of 32 and read
texts of 128. See :doc:`/positions/relative_positions`.
"""

from copy import deepcopy

import matplotlib.pyplot as plt
import torch

from snippets.positions.relative_heads import T5Head
from snippets.positions.relative_positions import t5_bias, t5_bucket
from snippets.positions.weather_reports import Forecaster, excess, fit, reports

torch.manual_seed(0)
SEEN, LONG, D_MODEL, ALL_TRAINED = 32, 128, 32, 28
texts, test = reports(6000, SEEN + 1, seed=1), reports(200, LONG + 1, seed=2)


def changed(far: torch.Tensor) -> list[Forecaster]:
    """Copies with a number each for the last trained bucket and all further ones."""
    copies = deepcopy(models)
    for copy, number in zip(copies, far, strict=True):
        copy.attend.table.data[last:] = number
    return copies


heads = [T5Head(end) for end in (128, ALL_TRAINED) for _ in range(3)]
models = [Forecaster(D_MODEL, lambda places: 0, head) for head in heads]
models = fit(models, texts, steps=2000, batch=8, rate=3e-2, variants=2).models
models, all_trained = models[:3], models[3:]
tables = torch.stack([model.attend.table.detach()[:, 0] for model in models])
last = int(t5_bucket(torch.tensor(1 - SEEN), causal=True))  # the last trained bucket
assert tables[:, last + 1 :].abs().max() == 0
curves = {
    "as trained": excess(models, test),
    "all buckets trained": excess(all_trained, test),
    "far buckets like bucket 20": excess(changed(tables[:, last - 1]), test),
}
far = [curve[:, 2 * SEEN :].mean(1) for curve in curves.values()]
assert (far[0] > 5 * torch.maximum(far[1], far[2])).all()
assert max(far[1].max(), far[2].max()) < 0.0025
row_1, row_16 = tables[:, [1, 16]].mean(0)
t5 = curves["as trained"][:, 8:SEEN].mean()
measured = {"row_1": row_1, "row_16": row_16, "t5": t5}
for key, values in zip(("t5", "all_trained", "copied"), far, strict=True):
    measured[f"far_{key}"] = values.mean()

fig, (left, right) = plt.subplots(1, 2, figsize=(6.2, 3))
bias = t5_bias(tables[0, :, None], SEEN, SEEN, causal=True)[0]
bias[torch.ones(SEEN, SEEN).triu(1) > 0] = torch.nan  # the future
left.set(xlabel="key position", ylabel="query position")
fig.colorbar(left.imshow(bias), ax=left, shrink=0.8)
right.plot(tables[:, : last + 1].T, "o", ms=3, color="C0")
right.plot(range(last + 1, 32), tables[:, last + 1 :].T, "o", ms=3, color="C1")
right.set(xlabel="bucket", ylabel="added to the score")
fig.set_label(
    "Left, a heat map of the bias for 32 queries and keys, with constant diagonals, "
    "largest one position before the query. Right, three models' biases by bucket: "
    f"from {row_1:.1f} in bucket 1 down to {row_16:.1f} in bucket 16, on average, and "
    "zero from bucket 22 on."
)

fig, ax = plt.subplots(figsize=(6.2, 3))
for color, (name, curve) in zip(("C1", "C3", "C0"), curves.items(), strict=True):
    means = curve.mean(0).unflatten(0, (-1, 8)).mean(1)
    ax.plot(range(4, LONG, 8), means, "o-", ms=3, color=color, label=name)
ax.axvline(SEEN, color="0.5", ls=":")
ax.set(xlabel="position", ylabel="loss above best (nats)", ylim=(0, None))
ax.legend()
fig.set_label(
    "Loss above the best possible over position to 128, mean of three models. Means "
    "beyond 64 in nats: "
    + ", ".join(f"{name} {x.mean():.4f}" for name, x in zip(curves, far, strict=True))
)
