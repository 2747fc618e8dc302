"""
Paged attention: who wastes the memory of a server
==================================================

The figures of :doc:`/inference/paged_attention`: block tables at work, one cache under
four policies, what each policy stores and finishes, and when each of them gives up.
"""

from copy import deepcopy
from itertools import pairwise

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.animation import FuncAnimation

from snippets.inference.block_tables import BlockTables, write
from snippets.inference.cache_policies import four_policies
from snippets.inference.serving_simulator import Scheduler, draw_requests, simulate

# %%
# Block tables
# ------------
# A and B fill blocks of four slots. C forks from A and copies the one block that both
# would write. B ends, and its blocks serve A and D, in any order.

cache, pool, frames = BlockTables(blocks=8, block_size=4), torch.zeros(8, 4), []


def record(text: str, writer: int = 0, slots: tuple = (), hold: int = 1) -> None:
    for slot in slots:
        write(pool, slot, torch.tensor(float(writer)))
    frames.extend(
        [(text, deepcopy(cache.tables), deepcopy(cache.tokens), pool.tolist())] * hold
    )


def grow(*names: int) -> None:
    for name in names:
        slot = cache.append(name, 0)
        copied = slot.copied_from is not None
        text = f", a copy of block {slot.copied_from}" if copied else ""
        text = f"{'ABCD'[name]} writes to block {slot.block}{text}"
        record(text, name, (slot,), hold=3 if copied else 1)


record("A arrives with 6 tokens", 0, cache.admit([0] * 6)[1])
record("B arrives with 5 tokens", 1, cache.admit([0] * 5)[1])
grow(0, 1, 0, 1, 0, 1, 1, 0)
cache.fork(0)
record("C forks from A: the same blocks, nothing copied", hold=2)
grow(2, 0, 2, 0)
cache.free(1)
record("B ends: blocks 2, 3 and 5 are free", hold=2)
grow(2, 0)
record("D arrives with 5 tokens", 3, cache.admit([0] * 5)[1])
grow(2, 0, 3, 2, 0)
record("A and C still share blocks 0 and 1", hold=5)

fig, stage = plt.subplots(figsize=(6.2, 3.8))
fig.set_label(
    "Animation of eight memory blocks and the block tables of four requests. At the "
    "end tables A and C both begin with blocks 0 and 1 and go on in blocks of their "
    "own; D fills blocks 3 and 2, which an earlier request had returned."
)


def label(x: float, y: float, text: object, align: str = "center", **looks) -> None:
    stage.text(x, y, text, ha=align, va="center", **looks)


def draw(frame: tuple) -> None:
    text, tables, tokens, writers = frame
    stage.clear()
    stage.set(xlim=(-5, 36.2), ylim=(-7.3, 2.6), title=text)
    stage.axis("off")
    for y, row in [(1.6, "readers"), (0.3, "pool"), (-0.9, "block")]:
        label(-5, y, row, align="left")
    for block in range(8):
        readers = [name for name, table in tables.items() if block in table]
        ends = [len(tokens[name]) - 4 * tables[name].index(block) for name in readers]
        used = min(4, max(ends, default=0))
        for offset in range(4):
            color = f"C{writers[block][offset]:.0f}" if offset < used else "none"
            stage.barh(0.3, 1, 1.3, 4.5 * block + offset, color=color, edgecolor="0.5")
        label(4.5 * block + 2, 1.6, " ".join("ABCD"[name] for name in readers))
        label(4.5 * block + 2, -0.9, block)
    for name, table in tables.items():
        y = -2.5 - 1.4 * name
        label(-5, y, f"table {'ABCD'[name]}", align="left", color=f"C{name}")
        for x, block in zip(np.arange(len(table)) * 4.5, table, strict=True):
            stage.barh(y, 3, 1.1, x + 0.5, color="none", edgecolor=f"C{name}", lw=1.5)
            label(x + 2, y, block)


animation = FuncAnimation(fig, draw, frames, interval=700)

# %%
# One cache, four policies
# ------------------------
# Each line of a panel is 2048 of the 16384 slots. Empty places belong to nobody.

requests = draw_requests(400)
kinds = {"token state": "C0", "will be used": "C2", "never used": "C1"}
fig, axes = plt.subplots(2, 2, figsize=(6.2, 4.2), sharex=True, sharey=True)
fig.set_label(
    "Four maps of one memory. Max: eight rows, each used at its left end and mostly "
    "never used. Pow2 and Oracle: more requests, and large gaps that belong to nobody. "
    "Paged: token state nearly everywhere."
)
for ax, (policy, memory) in zip(axes.flat, four_policies(16384).items(), strict=True):
    scheduler = Scheduler(requests, memory)
    for _ in range(2500):
        scheduler.retire()
        scheduler.admit(now=0.0)
        scheduler.decode()
    owned = np.full(memory.size, 3)
    for name in scheduler.running:
        slots = np.concatenate([list(span) for span in memory.spans[name]])
        owned[slots] = 2
        owned[slots[: scheduler.final[name]]] = 1
        owned[slots[: scheduler.stored[name]]] = 0
    for row, line in enumerate(owned.reshape(8, 2048)):
        for start, end in pairwise([0, *np.flatnonzero(np.diff(line)) + 1, 2048]):
            color = [*kinds.values(), "none"][line[start]]
            ax.barh(row, end - start, 0.85, start, color=color)
    ax.set(title=f"{policy}: {len(scheduler.running)} requests", xlim=(0, 2048))
    ax.set(xticks=[0, 1024, 2048], yticks=[], ylim=(7.6, -0.6))
fig.supxlabel("slot within its line", fontsize="medium")
patches = [plt.Rectangle((0, 0), 1, 1, color=color) for color in kinds.values()]
fig.legend(patches, kinds, loc="outside upper center", ncols=3)

# %%
# What each policy stores, and what it finishes
# ---------------------------------------------
# Left: the contents of the cache, ours in full color, the paper's beside it, paler (of
# vLLM it reports the token state alone). Right: finished requests per second.

runs = {name: simulate(requests, m) for name, m in four_policies(16384).items()}
ours = 100 * np.array([run.mean_shares for run in runs.values()])[:, :3]
paper = [[20.4, 13.3, 57.3], [26.8, 17.9, 13.6], [38.2, 25.2, 0], [96.3, 0, 0]]
paper = np.array(paper)
throughput = np.array([run.throughput for run in runs.values()])
assert np.abs(ours - paper)[:, 0].max() < 5
assert np.all(np.diff(ours[:, 0]) > 5)
assert np.all(np.diff(throughput) > 0.3)
assert 2.5 < throughput[3] / throughput[0] < 5
relative = throughput / throughput[0]

fig, (ax, right) = plt.subplots(1, 2, width_ratios=[5, 3])
fig.set_label(
    "Left: stacked bars of what the cache holds under four policies, ours beside the "
    "paper's; token state rises from 20 to 95 percent, and the bars of a pair are "
    "alike. Right: throughput relative to Max, "
    f"{', '.join(f'{value:.1f}' for value in relative)}."
)
for shift, table, alpha in [(-0.2, ours, 1), (0.2, paper, 0.5)]:
    below = table.cumsum(axis=1) - table
    for column, color in enumerate(kinds.values()):
        place, height = np.arange(4) + shift, table[:, column]
        ax.bar(place, height, 0.36, below[:, column], color=color, alpha=alpha)
ax.set_xticks(range(4), runs)
ax.set(ylabel="share of the cache (%)", ylim=(0, 100))
right.bar_label(right.bar(list(runs), relative, 0.6), fmt="%.1f")
right.set(ylabel="throughput (Max = 1)")
right.tick_params(axis="x", labelsize="small")
fig.legend(patches, kinds, loc="outside upper center", ncols=3)

# %%
# When each policy gives up
# -------------------------
# Below its capacity a policy serves every request at once; above it the queue grows
# for as long as requests arrive.

rates = np.array([0.4, 0.8, 1.2, 1.6, 2, 2.4, 3.2, 4])
latency = {name: [] for name in runs}
for rate in rates.tolist():
    arriving = draw_requests(400, rate)
    for name, memory in four_policies(16384).items():
        latency[name].append(1000 * simulate(arriving, memory).normalized_latency)
limit = 1.5 * min(latency["Paged"])
fastest = {name: np.interp(limit, y, rates) for name, y in latency.items()}
assert 2.7 < fastest["Paged"] / fastest["Max"] < 8
assert 1.7 < fastest["Paged"] / fastest["Oracle"] < 2.7

fig, ax = plt.subplots()
fig.set_label(
    "Four curves of latency against request rate, flat at first and then steep. They "
    f"pass {limit:.0f} milliseconds at "
    + ", ".join(f"{rate:.1f} ({name})" for name, rate in fastest.items())
    + " requests per second."
)
for name, values in latency.items():
    ax.plot(rates, values, marker="o", label=name)
ax.axhline(limit, color="0.5", ls=":")
ax.set(ylim=(0, 120), xlabel="requests per second")
ax.set(ylabel="latency per token of output (ms)")
ax.legend()

measured = {
    f"{name}_share": s for name, s in zip(runs, ours[:, 0].tolist(), strict=True)
}
measured |= {f"{name}_throughput": run.throughput for name, run in runs.items()}
for slower in ("Max", "Oracle"):
    measured[f"rate_over_{slower}"] = fastest["Paged"] / fastest[slower]
measured |= {f"{name}_rate": rate for name, rate in fastest.items()}
measured["Paged_over_Max"] = relative[3]
measured["latency_limit"] = limit
measured["preemptions"] = float(runs["Paged"].preemptions)
