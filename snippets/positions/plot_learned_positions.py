"""
Learned positions: rows that line up, and a table that is stretched
===================================================================

Figures for :doc:`/positions/learned_positions`: what the rows of a table have
in common after training, and what a model knows past the last row. A last cell
stretches the table of a model that finds a spot in a picture.
"""

import matplotlib.pyplot as plt
import numpy as np
import torch
from torch import nn
from torch.nn.functional import cross_entropy, normalize

from snippets.positions.learned_positions import LearnedPositions, interpolate
from snippets.positions.sinusoidal import sinusoidal
from snippets.positions.weather_reports import Forecaster, best_possible, fit, reports

SEEN, LENGTH, D_MODEL = 32, 128, 32

# %%
# Reports of the weather
# ----------------------
# Three kinds of forecasters learn on texts of 32 reports.

texts, test = reports(20_000, SEEN + 1, seed=1), reports(400, LENGTH + 1, seed=2)
best = best_possible(test)


@torch.no_grad()
def excess(model, days: int) -> np.ndarray:
    """Loss above the best possible at each position."""
    loss = cross_entropy(
        model(test[:, :days]).mT, test[:, 1 : days + 1], reduction="none"
    )
    return (loss - best[:, :days]).mean(0).numpy()


kinds = {
    "none": lambda: lambda places: 0,
    "sines": lambda: lambda places: sinusoidal(places, D_MODEL),
    "learned": lambda: LearnedPositions(max_len=SEEN, d_model=D_MODEL),
}
models, losses = {}, {}
for name, positions in kinds.items():
    torch.manual_seed(0)
    models[name] = model = Forecaster(D_MODEL, positions())
    if name == "learned":
        untrained = model.positions.table.weight.detach().clone()
    losses[name] = []
    for half in range(2):
        fit(model, texts, steps=400, batch=32, rate=7e-3, seed=half)
        losses[name].append(float(excess(model, SEEN)[8:].mean()))

gain = losses["none"][-1] - losses["sines"][-1]
assert gain > 0.01
assert losses["learned"][0] > losses["sines"][0] + 0.1 * gain
assert abs(losses["learned"][-1] - losses["sines"][-1]) < 0.4 * gain

# %%
# A line of rows
# --------------
# Left: the cosine of the angle between each two rows after training. Right: each row's
# coordinate along the direction that explains most of the table.

table = models["learned"].positions.table.weight.detach()
cosines = normalize(table) @ normalize(table).T
by_distance = [cosines.diagonal(n).mean().item() for n in range(SEEN)]
_, sizes, directions = torch.linalg.svd(table)
along = table @ directions[0] * (table[-1] @ directions[0]).sign()
line_share = (sizes[0] ** 2 / sizes.square().sum()).item()
straight = np.corrcoef(np.arange(SEEN), along)[0, 1]

assert by_distance[1] > by_distance[8] + 0.2
assert by_distance[8] > by_distance[24] + 0.2
assert line_share > 0.6
assert straight > 0.9

fig, (left, right) = plt.subplots(1, 2, figsize=(6.2, 3))
image = left.imshow(cosines, vmin=-1, vmax=1)
left.set(xlabel="position", ylabel="position")
fig.colorbar(image, ax=left, label="cosine", shrink=0.8)
right.plot(untrained @ directions[0], ".", color="0.5", label="before training")
right.plot(along, ".", label="after")
right.set(xlabel="position", ylabel="main coordinate")
right.legend(loc="upper left", fontsize=9, handletextpad=0)
fig.set_label(
    "Left, a heat map of cosines between 32 rows: bright near the diagonal and among "
    "all late and all early rows, dark between early and late ones. Right, the main "
    "coordinate over position: near zero before training, then a line from -2 to 1.5."
)

# %%
# Past the last row
# -----------------
# 96 rows are appended, random ones or the line continued, or the table is stretched.
# Dashed: after 100 steps of training on texts of 128 reports.


def longer(table) -> Forecaster:
    model = Forecaster(D_MODEL, LearnedPositions(max_len=LENGTH, d_model=D_MODEL))
    weights = models["learned"].state_dict()
    model.load_state_dict(weights | {"positions.table.weight": table})
    return model


torch.manual_seed(0)
slope, start = np.polyfit(np.arange(SEEN), table @ directions[0], 1)
line = (start + slope * torch.arange(LENGTH))[:, None] * directions[0]
tables = {
    "new rows": torch.cat([table, 0.02 * torch.randn(LENGTH - SEEN, D_MODEL)]),
    "stretched": interpolate(table, LENGTH),
}
long_texts = reports(1000, LENGTH + 1, seed=3)
curves = {
    "no positions": excess(models["none"], LENGTH),
    "a line": excess(longer(line), LENGTH),
}
for name, rows in tables.items():
    curves[name] = excess(longer(rows), LENGTH)
    tuned = fit(longer(rows), long_texts, steps=100, batch=8, rate=3e-3)
    curves[f"{name}, trained on"] = excess(tuned, LENGTH)
past = {name: float(curve[SEEN:].mean()) for name, curve in curves.items()}

line_seen, line_next, line_far = (
    float(part.mean()) for part in np.split(curves["a line"], [8, SEEN, 2 * SEEN])[1:]
)

assert line_seen < 0.015
assert line_next < 0.02
assert past["new rows"] > past["no positions"] + 0.02
assert past["stretched"] < past["new rows"] - 0.02
assert past["stretched, trained on"] < 0.7 * past["no positions"]
assert past["new rows, trained on"] > 0.8 * past["no positions"]

fig, ax = plt.subplots(figsize=(6.2, 3.8))
looks = ["0.5", "C2", "C0", "C0", "C1", "C1"]
for (name, curve), color in zip(curves.items(), looks, strict=True):
    line = "--" if name.endswith("on") else "-"
    means = curve.reshape(-1, 8).mean(axis=1)
    ax.plot(
        np.arange(4, LENGTH, 8), means, line, color=color, marker="o", ms=3, label=name
    )
ax.axvline(SEEN, color="0.5", ls=":")
ax.set(xlabel="position", ylabel="loss above the best possible (nats)", ylim=(0, 0.2))
ax.legend(ncol=2, loc="upper right", fontsize=9)
fig.set_label(
    "Loss above the best possible over position, in blocks of eight. With new rows it "
    "is about 0.12 from position 32 on; stretched, it stays near the 0.035 of a model "
    "without positions. After more training the stretched table is near 0.015, the new "
    "rows near 0.033. A line is near 0.01 up to 64 and then rises."
)

# %%
# A picture in more patches
# -------------------------
# In which eighth of a strip is the bright spot? Learned on 32 patches, asked on 128.


class Finder(nn.Module):
    def __init__(self):
        super().__init__()
        self.patch = nn.Linear(1, D_MODEL)
        self.positions = LearnedPositions(max_len=SEEN, d_model=D_MODEL)
        self.score, self.value = nn.Linear(D_MODEL, 1), nn.Linear(D_MODEL, D_MODEL)
        self.answer = nn.Linear(D_MODEL, 8)

    def forward(self, strip):
        x = self.patch(strip[..., None]) + self.positions(torch.arange(strip.shape[1]))
        return self.answer((self.score(x).softmax(1) * self.value(x)).sum(1))


def strips(count: int, patches: int):
    spot, places = torch.rand(count, 1), (torch.arange(patches) + 0.5) / patches
    brightness = 2 * torch.exp(-(((places - spot) * 16) ** 2))
    return brightness + 0.3 * torch.randn(count, patches), (8 * spot[:, 0]).long()


@torch.no_grad()
def accuracy(finder, patches: int) -> float:
    strip, eighth = strips(2000, patches)
    return (finder(strip).argmax(-1) == eighth).float().mean().item()


torch.manual_seed(0)
finder = Finder()
optimizer = torch.optim.Adam(finder.parameters(), lr=1e-2, fused=True)
for _ in range(300):
    strip, eighth = strips(64, SEEN)
    loss = cross_entropy(finder(strip), eighth)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
found, rows = {"seen": accuracy(finder, SEEN)}, finder.positions.table.weight.detach()
new = 0.02 * torch.randn(LENGTH - SEEN, D_MODEL)
for name, more in {
    "new": torch.cat([rows, new]),
    "wide": interpolate(rows, LENGTH),
}.items():
    finder.positions.table = nn.Embedding.from_pretrained(more)
    found[name] = accuracy(finder, LENGTH)

assert found["seen"] > 0.75
assert found["wide"] > 0.75
assert found["new"] < 0.4

measured = {
    "none": losses["none"][-1],
    "sines_half": losses["sines"][0],
    "sines": losses["sines"][-1],
    "learned_half": losses["learned"][0],
    "learned": losses["learned"][-1],
    "next": by_distance[1],
    "eighth": by_distance[8],
    "far": by_distance[24],
    "line_share": line_share,
    "straight": float(straight),
    "line_seen": line_seen,
    "line_next": line_next,
    "line_far": line_far,
    "past_none": past["no positions"],
    "past_new": past["new rows"],
    "past_stretched": past["stretched"],
    "past_new_trained": past["new rows, trained on"],
    "past_stretched_trained": past["stretched, trained on"],
    "strip_seen": found["seen"],
    "strip_new": found["new"],
    "strip_stretched": found["wide"],
}
