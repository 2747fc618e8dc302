"""
DualPath: the gain of a second door, against its bound
======================================================

Figures for :doc:`/inference/dualpath`: what idles on the single path, how far the
second one leads for each mix of reading and arithmetic, and where it leads nowhere.
"""

from dataclasses import replace

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.animation import FuncAnimation

from snippets.inference.dualpath import (
    Cluster,
    draw_jobs,
    earliest,
    gain_bound,
    rate_bound,
    simulate,
)

pair = Cluster(prefill=1, decode=1)
single = replace(pair, decode=0)

# %%
# Two doors
# ---------
# Twelve turns of agents, all waiting. The unit of time is what one card needs to read
# the cache of an average turn.

twelve = draw_jobs(12, compute=0.4)
paths = {"single path": simulate(twelve, single), "two paths": simulate(twelve, pair)}
end = paths["single path"].finish.max()
assert paths["two paths"].finish.max() < 0.65 * end

fig, lanes = plt.subplots(2, 1, sharex=True, figsize=(6.2, 4.0))
fig.set_label(
    "Animation of three lanes over time, twice. Single path: the card of the prefill "
    "node reads without pause, that of the decoding node does nothing, and the "
    "processors of the prefill node wait. Two paths: both cards read, the processors "
    "wait less, and all is done in little more than half the time."
)


def draw(now: float) -> None:
    for ax, (title, run) in zip(lanes, paths.items(), strict=True):
        ax.clear()
        for i, job in enumerate(run.jobs):
            rows = [(run.card[i], run.loaded[i], job.load)]
            rows += [(2, run.finish[i], job.compute)]
            for row, stop, length in rows:
                start = stop - length
                if start < now:
                    width = min(stop, now) - start
                    look = {"color": f"C{i % 6}", "alpha": 0.8}
                    ax.barh(row, width, 0.8, start, **look)
                    ax.text(start + 0.04, row, i + 1, va="center", fontsize=9)
        done = int(np.sum(run.finish <= now))
        ax.set_yticks(range(3), ["prefill card", "decoding card", "processors"])
        ax.set(xlim=(0, 1.02 * end), ylim=(2.6, -0.6))
        ax.set_title(title, loc="left", fontsize=10)
        ax.set_title(f"{done} of 12 computed", loc="right", fontsize=9)
    lanes[1].set_xlabel("time (mean time of one read)")


opening = FuncAnimation(fig, draw, np.linspace(0, 1.01 * end, 16), interval=500)

# %%
# The gain and its bound
# ----------------------
# 400 turns for each point. Where lines are flat, cards are the bottleneck; where they
# fall, the processors of the prefill nodes.

clusters = {f"{p}P{d}D": Cluster(prefill=p, decode=d) for p, d in [(2, 1), (1, 1)]}
clusters |= {f"{p}P{d}D": Cluster(prefill=p, decode=d) for p, d in [(1, 2), (2, 4)]}
shares = np.array([0.1, 0.2, 0.3, 0.4, 0.52, 0.7, 0.85, 1.2, 1.5])
gains, close = {}, []
for name, cluster in clusters.items():
    alone = replace(cluster, decode=0)
    for share in shares.tolist():
        jobs = draw_jobs(400, share)
        gain = simulate(jobs, cluster).rate / simulate(jobs, alone).rate
        mean = np.mean(jobs, axis=0)
        gains[name, share] = gain
        close.append(gain / gain_bound(cluster, *mean[1:].tolist()))
assert min(close) > 0.9
assert max(close) < 1.02
assert all(abs(gains[name, 1.2] - 1) < 0.02 for name in clusters)

grid = np.linspace(0.05, 1.6, 200)
fig, ax = plt.subplots()
fig.set_label(
    "Gain over the time of arithmetic relative to reading, for four clusters: flat at "
    "3, 2 and 1.5, then falling along one common curve to 1, which all have reached "
    "when arithmetic takes as long as reading. Simulated points lie on or just below."
)
for i, (name, cluster) in enumerate(clusters.items()):
    bound = [gain_bound(cluster, 1.0, share) for share in grid.tolist()]
    ax.plot(grid, bound, color=f"C{i}", lw=1, ls=["-", "-", "-", "--"][i])
    points = [gains[name, share] for share in shares.tolist()]
    ax.plot(shares, points, "osv^"[i], color=f"C{i}", label=name)
ax.set(
    xlabel="time of arithmetic / time of one read", ylabel="gain in turns per second"
)
ax.set_ylim(0.8, 3.2)
ax.legend()

# %%
# A detour through a narrow road
# ------------------------------
# One prefill and one decoding node. What the decoding card reads has to cross.

widths = np.array([0.05, 0.1, 0.2, 0.5, 1, 2, 4])
jobs = draw_jobs(400, 0.1)
rules = {"shortest queue": [], "earliest arrival": []}
for width in widths.tolist():
    narrow = replace(pair, crossing=width)
    rules["shortest queue"].append(simulate(jobs, narrow).rate)
    rules["earliest arrival"].append(simulate(jobs, narrow, earliest).rate)
alone = simulate(jobs, single).rate
top = [rate_bound(replace(pair, crossing=w), 1.0, 0.1) for w in widths.tolist()]
assert rules["shortest queue"][0] < 0.2 * alone
assert min(rules["earliest arrival"]) > 1.02 * alone
assert min(np.array(rules["earliest arrival"]) / top) > 0.95

fig, ax = plt.subplots()
fig.set_label(
    "Turns per second over the bandwidth of the compute network. With the shortest "
    "queue the rate grows in proportion and passes the single path, a dotted line, "
    "only at half a card's bandwidth. With the earliest arrival it is above throughout."
)
for (name, rates), marker in zip(rules.items(), "os", strict=True):
    ax.plot(widths, rates, marker=marker, label=name)
ax.axhline(alone, color="0.5", ls=":")
ax.text(widths[-1], alone - 0.05, "single path", ha="right", va="top")
ax.set(xscale="log", xlabel="bandwidth of the crossing / of a card")
ax.set(ylabel="turns per unit of time", ylim=(0, 2.2))
ax.set_xticks(widths, [f"{w:g}" for w in widths])
ax.minorticks_off()
ax.legend()

# %%
# When turns arrive at random
# ---------------------------
# The time to the first token that 99 of 100 turns keep, over the rate of arrivals.

online: dict[float, float] = {}
fig, axes = plt.subplots(1, 2, sharey=True, figsize=(6.2, 3.2))
fig.set_label(
    "Two panels for little and for more arithmetic: the 99th percentile of the time to "
    "the first token over the rate. The single path passes the limit of 8 reads at "
    "about six tenths of its capacity, two paths at about eight tenths of theirs."
)
for ax, share in zip(axes, (0.2, 0.4), strict=True):
    rate_at = {}
    for name, cluster, loads in [
        ("single path", single, np.linspace(0.3, 0.8, 8)),
        ("two paths", pair, np.linspace(0.8, 1.7, 8)),
    ]:
        p99 = [
            np.quantile(simulate(draw_jobs(3000, share, r), cluster).latency, 0.99)
            for r in loads.tolist()
        ]
        rate_at[name] = float(np.interp(8, np.maximum.accumulate(p99), loads))
        ax.plot(loads, p99, marker="o", ms=4, label=name)
    online[share] = rate_at["two paths"] / rate_at["single path"]
    ax.axhline(8, color="0.5", ls=":")
    ax.set(title=f"arithmetic {share} reads", xlabel="turns per read", ylim=(0, 15))
axes[0].set_ylabel("99 % have a first token\nafter (reads)")
axes[0].legend(fontsize=9)
assert all(online[s] > 1.1 * gains["1P1D", s] > 1.65 for s in online)

# %%
# What the scheduler adds
# -----------------------
# Doors at random instead of the shorter queue, in 20 draws. No figure.

rng = np.random.default_rng(0)
jobs = draw_jobs(400, 0.2)
longest = simulate(jobs, single).finish.max()


def at_random(job, cluster, cards, link) -> int:
    return int(rng.integers(len(cards)))


random_cut = 1 - np.mean(
    [simulate(jobs, pair, at_random).finish.max() / longest for _ in range(20)]
)
queue_cut = 1 - simulate(jobs, pair).finish.max() / longest
assert 0.4 < random_cut < queue_cut - 0.01

rate = {name: simulate(jobs, cluster).rate for name, cluster in clusters.items()}
two_cards = simulate(jobs, Cluster(prefill=2, decode=0)).rate
measured = {f"gain_{name}": gains[name, 0.1] for name in clusters}
measured |= {f"gain_{s}": gains["2P4D", s] for s in (0.52, 0.7, 1.2)}
measured |= {"closest": max(close), "farthest": min(close)}
measured |= {"online_2": online[0.2], "online_4": online[0.4]}
measured["single_rate"] = rate_at["single path"]
measured["pair_rate"] = rate_at["two paths"]
measured["offline_4"] = gains["1P1D", 0.4]
measured["narrow"] = rules["shortest queue"][0] / alone
measured["narrow_earliest"] = rules["earliest arrival"][0] / alone
measured |= {"random_cut": float(random_cut), "queue_cut": float(queue_cut)}
measured["two_cards"] = rate["1P1D"] / two_cards
measured["swapped"] = rate["2P1D"] / rate["1P2D"]
