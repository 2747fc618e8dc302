"""
Positional encodings compared: short texts, then long ones
==========================================================

Figures for :doc:`/positions/positional_encodings`: six orders of three words, seven
schemes beyond the length of their training, and three ways to help one of them.
"""

from copy import deepcopy
from itertools import permutations

import matplotlib.pyplot as plt
import torch
from torch.distributions import Dirichlet
from torch.nn.functional import cross_entropy

from snippets.positions.positional_encodings import (
    T5,
    Alibi,
    Learned,
    NoPositions,
    Reader,
    Rotary,
    Shaw,
    Sinusoidal,
    set_attention,
)
from snippets.positions.rope import yarn_frequencies, yarn_scale
from snippets.positions.sinusoidal import sinusoidal

# %%
# Six orders of three words
# -------------------------
# What one head makes of "dog" in each order: eight random features, without positions
# and with sines and cosines added.

torch.manual_seed(2)
words = dict(zip(("dog", "bites", "man"), torch.randn(3, 8), strict=True))
weights = torch.randn(3, 8, 8) / 8**0.5
orders = list(permutations(words))
results = {"without positions": [], "with positions": []}
for order in orders:
    x = torch.stack([words[word] for word in order])
    where = sinusoidal(torch.arange(3), d_model=8)
    for name, seen in zip(results, (x, x + where), strict=True):
        results[name].append(set_attention(seen, *weights)[order.index("dog")])
same, different = (torch.stack(rows) for rows in results.values())
assert torch.allclose(same, same[:1].expand_as(same), atol=1e-6)
assert torch.pdist(different).min() > 0.01

fig, axes = plt.subplots(1, 2, figsize=(6.2, 2.6), sharey=True)
for ax, (name, rows) in zip(axes, results.items(), strict=True):
    ax.imshow(torch.stack(rows), aspect="auto", vmin=-1.5, vmax=1.5)
    ax.set(title=name, xlabel="feature", xticks=[])
axes[0].set_yticks(range(6), [" ".join(order) for order in orders])
fig.set_label(
    "Two heat maps, a row of eight features for each order of dog, bites and man. "
    "Without positions all six rows are equal; with positions they differ."
)

# %%
# The language and the readers
# ----------------------------
# A text begins with one of eight titles. Then each of eight symbols depends on the two
# before. At every position a reader says the next symbol, for which it needs to know
# what stands where, and the title, for which it has to find one token, however far.

SHORT, LONG, SYMBOLS, RATE = 16, 64, 8, 1.5e-2
torch.manual_seed(1)
language = Dirichlet(torch.full((SYMBOLS,), 0.1)).sample((SYMBOLS, SYMBOLS))


def texts(count: int, length: int, seed: int) -> torch.Tensor:
    random = torch.Generator().manual_seed(seed)
    text = torch.randint(SYMBOLS, (count, length), generator=random)
    thresholds = language.cumsum(-1)[..., :-1]
    for t in range(3, length):
        dice = torch.rand(count, 1, generator=random)
        text[:, t] = (dice > thresholds[text[:, t - 2], text[:, t - 1]]).sum(1)
    text[:, 0] += SYMBOLS  # titles are tokens of their own
    return text


def train(reader: Reader, batches: torch.Tensor, rate: float) -> Reader:
    parts = batches.split(16 * SHORT // (batches.shape[1] - 1))  # 256 tokens a step
    optimizer = torch.optim.Adam(reader.parameters(), rate, fused=True)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, len(parts))
    for text in parts:
        optimizer.zero_grad()
        guess = reader(text[:, :-1])
        loss = cross_entropy(guess[..., :SYMBOLS].mT, text[:, 1:])
        title = (text[:, :1] - SYMBOLS).expand(-1, guess.shape[1])
        (loss + cross_entropy(guess[..., SYMBOLS:].mT, title)).backward()
        optimizer.step()
        schedule.step()
    return reader


held_out = texts(96, LONG + 1, seed=99)
truth = language[held_out[:, 1:-2], held_out[:, 2:-1]]  # (samples, seq, symbols)
titles = (held_out[:, :1] - SYMBOLS).expand(-1, LONG - 2)


@torch.no_grad()
def lost(reader: Reader) -> torch.Tensor:
    """Nats lost on the next symbol and on the title, from position 3 on."""
    guess = reader(held_out[:, :-1])[:, 2:]
    near = guess[..., :SYMBOLS].log_softmax(-1)
    symbol = (torch.xlogy(truth, truth) - truth * near).sum(-1).mean(0)
    title = cross_entropy(guess[..., SYMBOLS:].mT, titles, reduction="none").mean(0)
    return torch.stack([symbol, title])


# %%
# Beyond the length of the training
# ---------------------------------
# Seven readers, equal but for their scheme, learn from texts of 16 tokens and read 64.

schemes = {
    "none": NoPositions,
    "learned": lambda: Learned(max_len=LONG, d_model=32),
    "sinusoidal": Sinusoidal,
    "T5": lambda: T5(buckets=8, max_distance=8, heads=4),
    "Shaw": lambda: Shaw(reach=8, head_dim=8),
    "RoPE": lambda: Rotary(head_dim=8),
    "ALiBi": Alibi,
}
short = texts(240 * 16, SHORT + 1, seed=0)
readers = {}
for name, scheme in schemes.items():
    torch.manual_seed(0)
    reader = Reader(scheme(), tokens=16, outputs=16, d_model=32, heads=4)
    readers[name] = train(reader, short, RATE)
losses = {name: lost(reader) for name, reader in readers.items()}

seen, beyond = slice(2, SHORT - 2), slice(3 * SHORT - 2, None)
inside = {name: loss[0, seen].mean().item() for name, loss in losses.items()}
outside = {name: loss[0, beyond].mean().item() for name, loss in losses.items()}
title_outside = {name: loss[1, beyond].mean().item() for name, loss in losses.items()}
change = {name: outside[name] - inside[name] for name in schemes}
assert max(inside.values()) == inside["none"]
assert min(change["learned"], change["sinusoidal"]) > 0.6
assert change["RoPE"] > 1
assert 0.08 < change["T5"] < 0.6
assert max(change["Shaw"], change["ALiBi"]) < 0.15
assert inside["ALiBi"] > inside["RoPE"] + 0.08 > inside["Shaw"]
assert max(title_outside, key=title_outside.get) == "RoPE"

shut = deepcopy(readers["T5"])
shut.scheme.table.data[-1] = -20  # keys seven or more steps back
shut_symbol, shut_title = (part[beyond].mean().item() for part in lost(shut))
assert shut_symbol < outside["T5"] - 0.08
assert shut_title > 2

fig, axes = plt.subplots(2, figsize=(6.2, 6), sharex=True, height_ratios=[3, 2])
for place, (name, loss) in enumerate(losses.items()):
    color = f"C{place - 1}" if place else "0.5"
    for ax, line in zip(axes, loss, strict=True):
        smooth = line.unfold(0, 3, 1).mean(-1)
        ax.plot(range(4, LONG), smooth, color=color, label=name)
for ax, what in zip(axes, ("next symbol", "title"), strict=True):
    ax.axvline(SHORT, color="0.5", ls=":")
    ax.set(ylabel=f"lost on the {what} (nats)")
axes[0].set(ylim=(0, 3.3))
axes[0].legend(ncol=4, loc="upper left", fontsize=9)
axes[1].set(xlabel="position", yscale="log")
fig.set_label(
    "Two panels of nats lost over positions to 64, seven lines each, trained at 16. On "
    "the next symbol learned and sinusoidal positions jump to about 1.7 at 16, RoPE "
    "climbs past 2 after 32, T5 rises slowly, Shaw and ALiBi stay level. On the title, "
    "logarithmic, RoPE rises a hundredfold and most others hardly."
)

# %%
# Help for the hands
# ------------------
# The reader with RoPE as it is, with its positions interpolated, and with YaRN; at once
# and after 40 more steps on texts of 64.

helped, tuned = {}, {}
long = texts(40 * 4, LONG + 1, seed=1)
for name in ("as it is", "interpolated", "YaRN"):
    reader = deepcopy(readers["RoPE"])
    if name == "interpolated":
        reader.scheme.stretch = LONG / SHORT
    elif name == "YaRN":
        yarn = yarn_frequencies(8, factor=LONG / SHORT, trained=SHORT)
        reader.scheme.frequencies, reader.scheme.scale = yarn, yarn_scale(LONG / SHORT)
    helped[name] = lost(reader)[0]
    tuned[name] = lost(train(reader, long, 5e-3))[0]

last = {name: loss[beyond].mean().item() for name, loss in helped.items()}
last_tuned = {name: loss[beyond].mean().item() for name, loss in tuned.items()}
first_interpolated = helped["interpolated"][seen].mean().item()
assert last["as it is"] > last["interpolated"] > last["YaRN"] + 0.3
assert first_interpolated > inside["RoPE"] + 0.5
assert last_tuned["YaRN"] < last_tuned["interpolated"] - 0.1
assert last_tuned["interpolated"] < last_tuned["as it is"] - 0.15

fig, ax = plt.subplots()
for color, name in enumerate(helped):
    for loss, style in ((helped, "-"), (tuned, "--")):
        smooth = loss[name].unfold(0, 3, 1).mean(-1)
        label = name if style == "-" else f"{name}, 40 steps"
        ax.plot(range(4, LONG), smooth, style, color=f"C{color}", label=label)
ax.axvline(SHORT, color="0.5", ls=":")
ax.set(xlabel="position", ylabel="lost on the next symbol (nats)", ylim=(0, 3.3))
ax.legend(ncol=2, fontsize=9, loc="upper left")
fig.set_label(
    "Nats lost by RoPE over positions to 64. As it is, it climbs past 2 after 32; "
    "interpolated it is about 1.4 everywhere, with YaRN about 0.5. Dashed, after 40 "
    "steps: about 1 at the end as it is, 0.5 interpolated, 0.2 with YaRN."
)

measured = {
    **{f"{name.lower()}_inside": value for name, value in inside.items()},
    **{f"{name.lower()}_outside": value for name, value in outside.items()},
    **{f"{name.lower()}_change": value for name, value in change.items()},
    **{f"{name.lower()}_title": value for name, value in title_outside.items()},
    "shut_symbol": shut_symbol,
    "shut_title": shut_title,
    "interpolated_inside": first_interpolated,
    "interpolated": last["interpolated"],
    "yarn": last["YaRN"],
    "plain_tuned": last_tuned["as it is"],
    "interpolated_tuned": last_tuned["interpolated"],
    "yarn_tuned": last_tuned["YaRN"],
}
