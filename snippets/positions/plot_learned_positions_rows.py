"""
The rows of a trained table line up by position
===============================================

Tables of three forecasters of the weather after training. See
:doc:`/positions/learned_positions`.
"""

from copy import deepcopy

import matplotlib.pyplot as plt
import torch
from torch.nn.functional import normalize

from snippets.positions.learned_positions import LearnedPositions
from snippets.positions.weather_reports import Forecaster, excess, fit, reports

torch.manual_seed(0)
SEEN, D_MODEL = 32, 32
texts, test = reports(8000, SEEN + 1, seed=1), reports(500, SEEN + 1, seed=2)
models = [
    Forecaster(D_MODEL, LearnedPositions(max_len=SEEN, d_model=D_MODEL))
    for _ in range(3)
]
untrained = [model.positions.table.weight.detach() for model in models]
models = fit(models, texts, steps=1000, batch=16, rate=1e-2).models
tables = torch.stack([model.positions.table.weight.detach() for model in models])
cosines = normalize(tables, dim=-1) @ normalize(tables, dim=-1).mT
near, middle, far = (cosines.diagonal(n, dim1=1, dim2=2).mean(1) for n in (1, 8, 24))
assert (near > middle + 0.2).all()
assert (middle > far + 0.2).all()

# %%
# The direction that explains most of each table, and the rows' coordinates along it.

_, sizes, directions = torch.linalg.svd(tables)
first = directions[:, 0]
first = first * (tables[:, 20:30].sum(1) * first).sum(1, keepdim=True).sign()
along = (tables @ first[..., None])[..., 0]
share = (sizes[:, 0] ** 2 / sizes.square().sum(1)).mean()
positions = torch.arange(SEEN)
straight = [torch.corrcoef(torch.stack([positions, x]))[0, 1] for x in along]
assert share > 0.7
assert min(straight) > 0.88

# %%
# A straight line instead of the table: every row moves to its point on the best line.

on_line = deepcopy(models)
design = torch.stack([torch.ones(SEEN), positions], dim=1)
for model, x, direction in zip(on_line, along, first, strict=True):
    fitted = design @ torch.linalg.lstsq(design, x[:, None]).solution
    model.positions.table.weight.data = fitted * direction
measured = {"next": near.mean(), "eighth": middle.mean(), "far": far.mean()}
measured |= {"line_share": share, "straight": sum(straight) / 3}
measured["line"] = excess(on_line, test)[:, 8:].mean()

fig, (left, right) = plt.subplots(1, 2, figsize=(6.2, 3))
image = left.imshow(cosines[0], vmin=-1, vmax=1)
left.set(xlabel="position", ylabel="position")
fig.colorbar(image, ax=left, label="cosine", shrink=0.8)
right.plot(untrained[0] @ first[0], ".", color="0.5", label="before training")
right.plot(along.T, ".", color="C0", label=["after training", None, None])
right.set(xlabel="position", ylabel="main coordinate")
right.legend(loc="upper left", fontsize=9, handletextpad=0)
fig.set_label(
    "Left, a heat map of cosines between 32 rows: large near the diagonal and within "
    "the early and the late rows, negative between early and late ones. Right, the "
    "main coordinate over position: near zero before training; after it, three lines "
    f"from {along[:, 0].mean():.1f} to {along[:, -1].mean():.1f} on average."
)
