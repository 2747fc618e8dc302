"""
Mamba: what a step does, how a scan runs, what selection buys
=============================================================

Figures for :doc:`/attention/mamba`: a state that follows its input, the rounds of a
parallel scan, selective copying with and without selection, and the steps that a
trained mixer takes.
"""

from unittest.mock import patch

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.animation import FuncAnimation
from torch import nn
from torch.nn.functional import cross_entropy
from torch.utils._python_dispatch import TorchDispatchMode

from snippets.attention.grouped_query_attention import GroupedQueryAttention
from snippets.attention.mamba import (
    MambaMixer,
    TimeInvariantMixer,
    combine,
    scan,
    zero_order_hold,
)

# %%
# A state follows its input
# -------------------------
# Each input is held for its own step. Circles: the exact solution at the ends of the
# steps. Crosses: the same with Mamba's shorter formula for what comes in.

steps = torch.tensor([1.0, 0.4, 0.02, 0.02, 0.4, 1.5])
inputs = torch.tensor([1.0, -1.0, 0.6, -1.0, 1.0, -0.5])
decay, gain = zero_order_hold(steps, torch.tensor(-1.0))
exact = scan(decay[None, :, None, None], (gain * inputs)[None, :, None, None])
short = scan(decay[None, :, None, None], (steps * inputs)[None, :, None, None])
exact, short = exact.flatten(), short.flatten()
ends = steps.cumsum(0)

fig, ax = plt.subplots(figsize=(6.2, 3))
starts = [0, *ends[:-1].tolist()]
before = [0, *exact[:-1].tolist()]
for start, step, held, state in zip(starts, steps, inputs, before, strict=True):
    since = torch.linspace(0, float(step), 40)
    kept, taken = zero_order_hold(since, torch.tensor(-1.0))
    ax.plot(start + since, kept * state + taken * held, color="C0", lw=1.5)
ax.stairs(inputs, [0, *ends.tolist()], color="0.5", ls=":", baseline=None)
ax.plot(ends, exact, "o", color="C0", label="exact")
ax.plot(ends, short, "x", color="C1", ms=9, mew=2, label="Mamba's formula")
ax.annotate("two inputs,\nnearly no time", (1.43, 0.4), (1.6, -0.8), ha="left",
            arrowprops={"arrowstyle": "->", "color": "0.5"})  # fmt: skip
ax.set(xlabel="time", ylabel="state (dotted: input)", ylim=(-1.15, 1.15))
ax.legend(loc="lower left")
fig.set_label(
    "A state that moves toward each held input: far in long steps, hardly at all in "
    "two short ones. Circles lie on the curve; crosses overshoot after long steps."
)
error = (short - exact).abs()
assert error[2:4].max() < 1.1 * error[1]
assert (exact[3] - exact[1]).abs() < 0.05
euler = float((steps[0] * inputs[0] - exact[0]).abs())

# %%
# The rounds of a parallel scan
# -----------------------------
# Row by row, the state of each position, and across, the inputs that it holds so far.
# Neighbors combine, then pairs, then fours; the way back fills the gaps.

SEQ = 16
torch.manual_seed(0)
pairs = [tuple(pair) for pair in torch.rand(SEQ, 2, dtype=torch.float64)]
expected = scan(*torch.tensor(pairs).T[:, None, :, None, None]).flatten()
covered = [{t} for t in range(SEQ)]
seen_in = np.where(np.eye(SEQ), 0, np.nan)
frames, combinations = [(seen_in.copy(), 0, 0)], 0
doublings = [1, 2, 4, 8]
rounds = [(2 * d - 1, d) for d in doublings] + [(3 * d - 1, d) for d in (4, 2, 1)]
for number, (first, distance) in enumerate(rounds, 1):
    for t in range(first, SEQ, 2 * distance):
        pairs[t] = combine(pairs[t - distance], pairs[t])
        assert not covered[t] & covered[t - distance]
        covered[t] |= covered[t - distance]
        fresh = np.isnan(seen_in[t]) & [i in covered[t] for i in range(SEQ)]
        seen_in[t, fresh] = number
        combinations += 1
    frames += [(seen_in.copy(), number, combinations)] * 2
assert all(covered[t] == set(range(t + 1)) for t in range(SEQ))
torch.testing.assert_close(torch.stack([drive for _, drive in pairs]), expected)
assert (len(rounds), combinations) == (7, 26)

fig, ax = plt.subplots(figsize=(5.2, 4.6))
picture = ax.imshow(frames[0][0], vmin=-1, vmax=7, cmap="viridis")
ax.set(xlabel="input", ylabel="state at position", xticks=[0, 5, 10, 15])
ax.set(yticks=[0, 5, 10, 15])
colors = fig.colorbar(picture, label="round in which it arrived", ticks=range(8))
colors.ax.set_ylim(0, 7)
fig.set_label(
    "A square of 16 positions by 16 inputs. It starts as a diagonal. In four rounds "
    "blocks of 2, 4, 8 and 16 inputs reach the last rows of the blocks; in three more "
    "the remaining rows fill up, until the lower triangle is complete."
)


def update(frame):
    cells, number, made = frame
    picture.set_data(cells)
    ax.set_title(f"round {number} of 7: {made} combinations")


animation = FuncAnimation(fig, update, frames + frames[-1:] * 4, interval=500)
update(frames[-1])

# %%
# Selective copying
# -----------------
# Two of 16 slots hold a symbol, the rest a filler. Then come two questions: which was
# the first symbol, which the second? One mixer learns it, with or without selection.

SYMBOLS, COUNT = 6, 2


def copying(batch: int, slots: int, random: torch.Generator):
    tokens = torch.full((batch, slots + COUNT), SYMBOLS)
    tokens[:, slots:] = SYMBOLS + 1
    answer = torch.randint(SYMBOLS, (batch, COUNT), generator=random)
    order = torch.rand(batch, slots, generator=random).argsort(dim=1)
    places = order[:, :COUNT].sort(dim=1).values
    return tokens.scatter_(1, places, answer), answer


class Copier(nn.Module):
    def __init__(self, kind: type[MambaMixer], d_model: int = 32):
        super().__init__()
        self.symbol = nn.Embedding(SYMBOLS + 2, d_model)
        self.mix = kind(d_model=d_model, d_state=4, expand=1)
        self.norm = nn.RMSNorm(d_model)
        self.answer = nn.Linear(d_model, SYMBOLS)

    def forward(self, tokens):
        x = self.symbol(tokens)
        return self.answer((x + self.mix(self.norm(x)))[:, -COUNT:])


@torch.no_grad()
def accuracy(model: Copier, slots: int = 16, batch: int = 200) -> float:
    tokens, answer = copying(batch, slots, torch.Generator().manual_seed(99))
    return (model(tokens).argmax(-1) == answer).float().mean().item()


def train(kind: type[MambaMixer], seed: int, length: int):
    torch.manual_seed(seed)
    model, random = Copier(kind), torch.Generator().manual_seed(seed)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.02, fused=True)
    reached = [accuracy(model)]
    for step in range(1, length + 1):
        tokens, answer = copying(32, 16, random)
        loss = cross_entropy(model(tokens).flatten(0, 1), answer.flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step % 25 == 0:
            reached.append(accuracy(model))
    return model, reached


def in_sight(what: torch.Tensor) -> torch.Tensor:
    """Where one of the four tokens that the convolution sees is one."""
    padded = nn.functional.pad(what, (3, 0))
    return padded.unfold(1, 4, 1).any(dim=-1)


def accuracy_when_stopped(model: Copier, slots: int) -> float:
    """The same without time where only fillers are in sight."""
    tokens, _ = copying(100, slots, torch.Generator().manual_seed(99))
    seen, choose = in_sight(tokens != SYMBOLS), model.mix.choose

    def stopping(x):
        step, write, read = choose(x)
        return step * seen[..., None], write, read

    with patch.object(model.mix, "choose", stopping):
        return accuracy(model, slots, batch=100)


lengths = [16, 32, 64, 128, 256]
kinds = {"selective": (MambaMixer, 150), "time-invariant": (TimeInvariantMixer, 200)}
fig, (ax, longer) = plt.subplots(2, figsize=(5.6, 6), sharey=True)
trained, final, stretched = {}, {}, {}
for color, (name, (kind, length)) in enumerate(kinds.items()):
    trained[name], curves = zip(*(train(kind, s, length) for s in (0, 1)), strict=True)
    final[name] = [curve[-1] for curve in curves]
    stretched[name] = np.array(
        [[accuracy(m, n, batch=100) for n in lengths] for m in trained[name]]
    )
    style = {"color": f"C{color}", "marker": ".", "label": name}
    ax.plot(np.arange(len(curves[0])) * 25, np.array(curves).T, **style)
    longer.plot(lengths, stretched[name].T, **style)
stopped = np.array(
    [[accuracy_when_stopped(m, n) for n in lengths] for m in trained["selective"]]
)
longer.plot(lengths, stopped.T, "C0--", label="selective, stopped at fillers")
guess = 1 / SYMBOLS
unordered = guess + (1 - guess) / 2
for level, text in ((guess, "guessing"), (unordered, "order unknown")):
    ax.axhline(level, color="0.5", ls=":")
    ax.text(200, level + 0.01, text, ha="right", va="bottom", fontsize=8)
    longer.axhline(level, color="0.5", ls=":")
ax.set(xlabel="training step", ylabel="accuracy", ylim=(0, 1.04))
longer.set(xlabel="slots when asked (trained on 16)", ylabel="accuracy", xscale="log")
longer.set_xticks(lengths, labels=lengths)
longer.minorticks_off()
handles, names = longer.get_legend_handles_labels()
longer.legend(handles[::2], names[::2], loc="lower left", bbox_to_anchor=(0, 0.15))
fig.set_label(
    "Above: accuracy over training. Two selective mixers climb to nearly one; two "
    "time-invariant ones level off near 0.7, above the 0.58 of knowing both symbols "
    "but not their order. Below: accuracy with more slots than in training. It falls "
    "to below 0.5 with 256; dashed, without time at fillers, it stays above 0.8."
)
assert min(final["selective"]) > 0.85
assert max(final["time-invariant"]) < 0.82
assert stretched["selective"][:, 1].mean() > 0.75
assert stretched["selective"][:, 4].max() < 0.65
assert stopped[:, 4].min() > 0.72

# %%
# The steps that it takes
# -----------------------
# Mean step over the channels of a trained mixer, and the symbols it read.

model = trained["selective"][1]
tokens, _ = copying(400, 16, torch.Generator().manual_seed(5))
with torch.no_grad():
    inner, _ = model.mix.enter(model.norm(model.symbol(tokens))).chunk(2, dim=-1)
    padded = nn.functional.pad(inner.transpose(1, 2), (3, 0))
    near = nn.functional.silu(model.mix.near(padded).transpose(1, 2))
    taken = model.mix.choose(near)[0].mean(dim=-1).numpy()
symbol = (tokens < SYMBOLS).numpy()
after = taken[:, 4:16][symbol[:, 3:15]]
filler = taken[:, 4:16][~in_sight(tokens != SYMBOLS).numpy()[:, 4:16]]
step_ratio = float(after.mean() / filler.mean())
assert step_ratio > 2

fig, ax = plt.subplots(figsize=(6.2, 2.8))
row = 1
colors = np.where(symbol[row], "C1", "C0")
ax.bar(np.arange(18), taken[row], color=colors)
text = [
    "·" if t == SYMBOLS else "?" if t > SYMBOLS else "ABCDEF"[t] for t in tokens[row]
]
ax.set_xticks(np.arange(18), labels=text)
ax.set(xlabel="token (· filler, ? question)", ylabel="mean step")
fig.set_label(
    "Bars of the mean step at 18 tokens. Fillers have small ones; the largest stand "
    "one position after each of the two symbols."
)

# %%
# What doubles when the text doubles
# ----------------------------------
# Numbers written by all operations of a forward pass, for 1024 and 2048 tokens.


class Written(TorchDispatchMode):
    count = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        out = function(*args, **(kwargs or {}))
        self.count += out.numel() if isinstance(out, torch.Tensor) else 0
        return out


def growth(layer: nn.Module) -> float:
    counts = []
    for seq in (1024, 2048):
        with torch.no_grad(), Written() as written:
            layer(torch.randn(1, seq, 32))
        counts.append(written.count)
    return counts[1] / counts[0]


linear = growth(MambaMixer(d_model=32, d_state=4))
square = growth(GroupedQueryAttention(d_model=32, heads=2, kv_heads=2))
assert linear < 2.1 < 3.6 < square

measured = {
    "euler": euler,
    "rounds": len(rounds),
    "combinations": combinations,
    "selective": float(np.mean(final["selective"])),
    "invariant": float(np.mean(final["time-invariant"])),
    "selective_32": float(stretched["selective"][:, 1].mean()),
    "selective_256": float(stretched["selective"][:, 4].mean()),
    "stopped_256": float(stopped[:, 4].mean()),
    "step_ratio": step_ratio,
    "linear": linear,
    "square": square,
}
