"""
Attention residuals: choosing among the layers below
====================================================

Figures for :doc:`/attention/attention_residuals`: what a layer reads before any
training, how large its input is, what it learns to read, and whether that helps.
"""

import math
from functools import partial

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.animation import FuncAnimation
from torch.nn.functional import gelu, rms_norm

from snippets.attention.attention_residuals import (
    attention_residuals,
    block_attention_residuals,
    depth_scores,
    mixing_share,
)

LAYERS, WIDTH, BLOCK, TASKS, STEPS = 12, 24, 4, 3, 128
RATES = [8e-3, 1.6e-2]


def residual(x, layers, queries):
    """The ordinary stream: every layer reads the sum of all before it."""
    for layer in layers:
        x = x + layer(x)
    return x


def in_blocks(x, layers, queries):
    return block_attention_residuals(x, layers, queries, BLOCK)


nets = {"residual": residual, "full": attention_residuals, "block": in_blocks}

# %%
# What a layer reads
# ------------------
# Each layer returns a unit vector of its own, so that its input lists the weights with
# which it reads the others. Queries are zero, as before training.

maps = {}
for name, net in nets.items():
    units, inputs = torch.eye(LAYERS + 1), []

    def unit(h, inputs=inputs, units=units):
        inputs.append(h)
        return units[len(inputs)]

    out = net(units[0], [unit] * LAYERS, torch.zeros(LAYERS + 1, LAYERS + 1))
    maps[name] = torch.stack([*inputs, out])
assert torch.allclose(maps["full"].sum(dim=1), torch.ones(LAYERS + 1))
assert torch.equal(maps["residual"].sum(dim=1), torch.arange(1.0, LAYERS + 2))

fig, axes = plt.subplots(1, 3, figsize=(6.4, 2.8), sharey=True)
fig.set_label(
    "Three triangular maps of weights, layers down, sources across. Residual: all "
    "ones. Full: rows of equal weights that shrink down the map. Block: columns in "
    "steps of four, each step fainter than the one before."
)
for ax, (name, weights) in zip(axes, maps.items(), strict=True):
    hidden = np.triu(np.ones(weights.shape, dtype=bool), 1)
    image = ax.imshow(np.ma.masked_array(weights, hidden), vmin=0, vmax=1)
    ax.set(title=name, xlabel="source", xticks=[0, 4, 8, 12], yticks=[0, 4, 8, 12])
axes[0].set_ylabel("reader")
fig.colorbar(image, ax=axes, label="weight", shrink=0.7)

# %%
# What a layer is given
# ---------------------
# Three regressions are learned by twelve feed-forward layers, with two learning rates
# each, all models at once along a first axis. Dashed, before training.

random = torch.Generator().manual_seed(0)
teachers = 0.4 * torch.randn(4, TASKS, 16, 16, generator=random)
reader = torch.randn(TASKS, 32, 8, generator=random) / 4


def examples(samples: int, random: torch.Generator):
    x = torch.randn(TASKS, samples, 16, generator=random)
    deep = x
    for teacher in teachers:
        deep = torch.tanh(deep @ teacher)
    y = torch.cat([deep, torch.sin(2 * x)], dim=-1) @ reader
    return [each.repeat(len(RATES), 1, 1) for each in (x, y)]


def new_weights() -> list[dict]:
    """The same weights for all nets and rates."""
    torch.manual_seed(0)
    shapes = {"embed": (16, WIDTH), "up": (LAYERS, WIDTH, 2 * WIDTH)}
    shapes |= {"down": (LAYERS, 2 * WIDTH, WIDTH), "head": (WIDTH, 8)}
    weights = {
        name: torch.randn(TASKS, *shape) / math.sqrt(shape[-2])
        for name, shape in shapes.items()
    }
    weights["queries"] = torch.zeros(TASKS, LAYERS + 1, 1, WIDTH)
    return [{n: w.clone().requires_grad_() for n, w in weights.items()} for _ in RATES]


def run(net, groups: list[dict], x):
    """Answers, the inputs of all layers, and the sources they choose from."""
    w = {name: torch.cat([group[name] for group in groups]) for name in groups[0]}
    inputs, sources = [], [x @ w["embed"]]

    def feed_forward(h, up, down):
        inputs.append(h)
        sources.append(gelu(rms_norm(h, (WIDTH,)) @ up) @ down)
        return sources[-1]

    parts = zip(w["up"].unbind(1), w["down"].unbind(1), strict=True)
    layers = [partial(feed_forward, up=up, down=down) for up, down in parts]
    out = net(sources[0], layers, w["queries"].transpose(0, 1))
    return rms_norm(out, (WIDTH,)) @ w["head"], inputs, sources


def train(net, steps: int, watch=lambda step, groups: None) -> list[dict]:
    random, groups = torch.Generator().manual_seed(1), new_weights()
    settings = [
        {"params": list(group.values()), "lr": rate}
        for group, rate in zip(groups, RATES, strict=True)
    ]
    optimizer = torch.optim.Adam(settings, betas=(0.9, 0.99), fused=True)
    cosine = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    for step in range(steps):
        watch(step, groups)
        x, y = examples(32, random)
        loss = (run(net, groups, x)[0] - y).square().mean(dim=(1, 2)).sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        cosine.step()
    watch(steps, groups)
    return groups


@torch.no_grad()
def test(net, groups: list[dict]):
    """Error of each task, its rate chosen on other data; inputs at the lower rate."""
    errors = []
    for seed in (2, 3):
        x, y = examples(500, torch.Generator().manual_seed(seed))
        answers, inputs, _ = run(net, groups, x)
        off = (answers - y).square().mean(dim=(1, 2))
        errors.append(off.view(len(RATES), TASKS).numpy())
    chosen = errors[0].argmin(axis=0)
    lengths = [h[:TASKS].norm(dim=-1).mean().item() for h in inputs]
    return errors[1][chosen, range(TASKS)], np.array(lengths)


@torch.no_grad()
def taps(step: int, groups: list[dict]) -> None:
    """Keep how the last model weighs its sources, in multiples of the plain mean."""
    if step % 8:
        return
    x, _ = examples(100, torch.Generator().manual_seed(2))
    _, _, sources = run(attention_residuals, groups, x)
    rows = np.zeros((LAYERS + 1, LAYERS + 1))
    for reader, query in enumerate(groups[-1]["queries"][-1]):
        scores = depth_scores(torch.stack(sources[: reader + 1])[:, -1], query)
        weights = scores.softmax(dim=0)
        rows[reader, : reader + 1] = weights.mean(dim=(1, 2)) * (reader + 1)
    maps_of_steps.append((step, rows))


maps_of_steps = []
trained = {
    "residual": train(residual, STEPS),
    "full": train(attention_residuals, STEPS, taps),
    "block": train(in_blocks, STEPS),
}
results = {name: test(nets[name], groups) for name, groups in trained.items()}
longer = test(residual, train(residual, STEPS * 5 // 4))[0]
growth = {name: lengths[-1] / lengths[0] for name, (_, lengths) in results.items()}
assert growth["residual"] > 4 > 2.5 > growth["block"] > 1 > growth["full"]

fig, ax = plt.subplots()
fig.set_label(
    "Length of the input of each of twelve layers. Residual climbs from 5 to over 30, "
    "already before training to 11. Full stays near 4, block between 4 and 10; before "
    "training full falls to 1 and block to 3."
)
untrained = {name: test(net, new_weights())[1] for name, net in nets.items()}
for name, (_, lengths) in results.items():
    (line,) = ax.plot(range(1, LAYERS + 1), lengths, "o-", label=name)
    before = {"ls": "--", "color": line.get_color()}
    ax.plot(range(1, LAYERS + 1), untrained[name], **before)
ax.set(xlabel="layer", ylabel="length of its input", ylim=(0, None))
ax.legend()

# %%
# What layers learn to read
# -------------------------
# The weights of one full net while it is trained, averaged over examples. One stands
# for the plain mean, with which all rows start. The last row is the output head.

frames = maps_of_steps + maps_of_steps[-1:] * 4
fig, stage = plt.subplots(figsize=(5.4, 4.2))
scale = plt.Normalize(0, 3)
fig.colorbar(plt.cm.ScalarMappable(scale), ax=stage, label="weight / plain mean")
fig.set_label(
    "Animation of a triangular map of weights during training. All cells begin at one. "
    "At the end most lie between a half and one and a half; in the last row, that of "
    "the output head, layers 1 and 2 stand out."
)


def draw(frame) -> None:
    step, rows = frame
    hidden = np.triu(np.ones(rows.shape, dtype=bool), 1)
    stage.clear()
    stage.imshow(np.ma.masked_array(rows, hidden), norm=scale)
    stage.set(xlabel="source (0: embedding)", ylabel="reader", title=f"step {step}")


animation = FuncAnimation(fig, draw, frames, interval=400)

# %%
# Does it help?
# -------------
# Each task at its better rate, chosen on other data. Beside the three nets, the
# residual one that was trained for a quarter longer.

errors = {"residual": results["residual"][0], "residual, 1.25 x": longer}
errors |= {"block": results["block"][0], "full": results["full"][0]}
relative = {name: each / errors["residual"] for name, each in errors.items()}
assert max(relative["block"].max(), relative["full"].max()) < 1
assert 0.97 < (errors["block"] / longer).mean() < 1.03

fig, ax = plt.subplots()
fig.set_label(
    "Error on three tasks relative to a residual net: bars of the residual net trained "
    "longer, the block net and the full net all lie a few percent below one."
)
for i, (name, values) in enumerate(list(relative.items())[1:]):
    ax.bar(np.arange(TASKS) + 0.27 * (i - 1), 100 * (values - 1), 0.25, label=name)
ax.axhline(0, color="0.5")
ax.set_xticks(range(TASKS), [f"task {task + 1}" for task in range(TASKS)])
ax.set_ylabel("test error against the residual net (%)")
ax.legend()

# Operations of mixing over those of a layer: in these nets, and at a width of 2048.
stored = {"full": range(1, LAYERS + 1), "block": [1, *[2] * 4, *[3] * 4, *[4] * 3]}
shares = {
    name: np.mean([mixing_share(n, WIDTH, 8 * WIDTH**2) for n in sources])
    for name, sources in stored.items()
}
head = maps_of_steps[-1][1][-1]
assert head[1:3].max() > 1.5

measured = {f"growth_{name}": float(value) for name, value in growth.items()}
measured |= {f"share_{name}": float(value) for name, value in shares.items()}
measured |= {
    "before_full": float(untrained["full"][-1] / untrained["full"][0]),
    "share_wide": mixing_share(10, 2048, 16 * 2048**2),
    "head_most": float(head.max()),
    "longer": float(relative["residual, 1.25 x"].mean()),
    "block": float(relative["block"].mean()),
    "full": float(relative["full"].mean()),
    "block_over_longer": float((errors["block"] / longer).mean()),
    "better": float((relative["block"] < 1).sum()),
}
