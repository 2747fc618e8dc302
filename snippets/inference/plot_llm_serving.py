"""
LLM serving: a batch that fills, prompts in chunks, and savings that compete
============================================================================

Figures for :doc:`/inference/llm_serving`: how long each request waits for a place, for
its first token and for each token after it, and which savings add up.
"""

import math
from dataclasses import replace
from itertools import pairwise

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.animation import FuncAnimation

from snippets.foundations.resource_accounting import Decoder
from snippets.inference.cache_policies import Request
from snippets.inference.llm_serving import Pages, serve, serve_apart
from snippets.inference.quantization import bits_per_weight
from snippets.inference.server_costs import Server, Work, costs
from snippets.inference.serving_simulator import draw_requests

SIZES = {"layers": 32, "d_model": 4096, "heads": 32, "head_dim": 128}
SIZES |= {"d_ff": 14336, "vocab": 128256}
llama = Server(model=Decoder(kv_heads=8, **SIZES))

# %%
# A batch that fills
# ------------------
# Twelve requests, four places. Above, a batch starts when the one before it has ended;
# below, a place is taken again as soon as it is free.

lengths = [5, 22, 9, 13, 7, 16, 4, 11, 19, 6, 10, 8]
few = [Request(0.011 * i, prompt=16, output=n) for i, n in enumerate(lengths)]
runs = [serve(few, llama, Pages(4096, most=4), static=s) for s in (True, False)]
ends = [1000 * max(run.finish.values()) for run in runs]
assert ends[1] < 0.8 * ends[0]


def places(run) -> dict[int, int]:
    """The lowest free place for each request that enters."""
    place: dict[int, int] = {}
    for before, now in pairwise([(), *run.running]):
        for name in set(now) - set(before):
            taken = {place[other] for other in now if other in place}
            place[name] = min({0, 1, 2, 3} - taken)
    return place


fig, lanes = plt.subplots(2, 1, sharex=True, figsize=(6.2, 3.6))
fig.set_label(
    "Animation of four places over time, as bars that grow. Above, one batch after "
    "another: places stay empty until the longest request of a batch has ended. Below, "
    "the next request takes a place at once, and all twelve are finished sooner."
)


def draw(now: float) -> None:
    for ax, run, title in zip(lanes, runs, ("static", "continuous"), strict=True):
        ax.clear()
        begin = {
            name: start
            for start, names in reversed(
                list(zip(run.starts, run.running, strict=True))
            )
            for name in names
        }
        done = 0
        for name, place in places(run).items():
            start, end = 1000 * begin[name], 1000 * run.finish[name]
            done += end <= now
            if start < now:
                width = min(end, now) - start
                ax.barh(place, width, 0.8, start, color=f"C{name % 6}", alpha=0.8)
                ax.text(start + 1, place, name + 1, va="center", fontsize=9)
        ax.set(xlim=(0, 1.02 * ends[0]), ylim=(3.6, -0.6), yticks=[], ylabel=title)
        ax.set_title(f"{done} of 12 finished", loc="right", fontsize=9)
    lanes[1].set_xlabel("time (ms)")


filling = FuncAnimation(fig, draw, np.linspace(0, 1.01 * ends[0], 18), interval=400)

# %%
# What others notice of a long prompt
# -----------------------------------
# The time between two tokens of an answer, as a share of all tokens that take longer.


def documents(count: int, rate: float) -> list[Request]:
    """Prompts of some 2000 tokens, answers of 150, ``rate`` requests per second."""
    rng = np.random.default_rng(3)
    gaps = rng.exponential(size=count).cumsum() / rate
    prompts = rng.lognormal(math.log(2000), 0.8, count).clip(64, 7000)
    outputs = rng.lognormal(math.log(150), 0.6, count).clip(8, 1000)
    columns = gaps.tolist(), prompts.astype(int).tolist(), outputs.astype(int).tolist()
    return [Request(*row) for row in zip(*columns, strict=True)]


chunked = {}
for budget in (math.inf, 2048, 256, 128):
    run = serve(documents(200, 8), llama, Pages(llama.slots), budget=budget)
    order = np.argsort(run.seconds)
    tokens = np.cumsum(np.array([work.decoded for work in run.works])[order])
    gaps = 1000 * np.array(run.seconds)[order]
    p99 = gaps[np.searchsorted(tokens, 0.99 * tokens[-1])]
    first = np.quantile(run.to_first_token(), 0.9)
    chunked[budget] = (gaps, 1 - tokens / tokens[-1], p99, first)
whole, large, medium, small = chunked.values()
assert whole[2] > 2 * large[2] > 6 * medium[2]
assert medium[3] < 1.1 * whole[3]
assert small[3] > 5 * whole[3]

ride = {}
for requests in (8, 32):
    keys = 1000 * requests
    together = llama.seconds(Work(requests, 512, keys + 512, keys + 512 * 256))
    chunk = llama.seconds(Work(0, 512, 512, 512 * 256))
    ride[requests] = llama.seconds(Work(requests, 0, keys, keys)) / (together - chunk)
assert ride[8] > 20
assert 5 < ride[32] < 10

fig, ax = plt.subplots()
fig.set_label(
    "Share of tokens that take longer than a time, both axes logarithmic. With whole "
    "prompts one token in a hundred takes more than "
    f"{whole[2]:.0f} milliseconds; with budgets of 2048, 256 and 128 tokens more than "
    f"{large[2]:.0f}, {medium[2]:.0f} and {small[2]:.0f}."
)
for budget, (gaps, longer, _, first) in chunked.items():
    name = "whole prompts" if budget == math.inf else f"budget {budget}"
    ax.loglog(gaps, longer, label=f"{name}: first token {first:.2f} s")
ax.set(xlabel="time between two tokens (ms)", ylabel="share that takes longer")
ax.set(ylim=(1e-3, 1), xticks=[5, 10, 20, 50, 100, 200])
ax.set_xticklabels([5, 10, 20, 50, 100, 200])
ax.minorticks_off()
ax.legend(title="90 % have their", fontsize=9, title_fontsize=9)

# %%
# Two servers, or two halves of one
# ---------------------------------
# Share of requests that have their first token within 0.5 s and every later one, on
# average, within the limit. Left a strict limit, right a loose one.

rates = [1, 2, 3, 4, 5, 6, 8, 10, 12]
limits = {"8 ms": 0.008, "20 ms": 0.02}
shares: dict[tuple[str, str], list[float]] = {}
for rate in rates:
    both = documents(200, 2 * rate)
    pair = {"whole prompts": math.inf, "budget 512": 512}
    served = {
        name: [
            serve(both[i::2], llama, Pages(llama.slots), budget=budget) for i in (0, 1)
        ]
        for name, budget in pair.items()
    } | {"apart": [serve_apart(both, llama)]}
    for name, halves in served.items():
        for label, limit in limits.items():
            share = np.mean([half.share_in_time(0.5, limit) for half in halves])
            shares.setdefault((label, name), []).append(float(share))


def goodput(label: str, name: str) -> float:
    """The rate at which the share falls through 90 percent, between two of the grid."""
    return float(np.interp(-0.9, -np.minimum.accumulate(shares[label, name]), rates))


strict = {name: goodput("8 ms", name) for name in served}
loose = {name: goodput("20 ms", name) for name in served}
assert strict["apart"] > 1.25 * strict["whole prompts"]
assert loose["apart"] < 0.95 * loose["whole prompts"]
assert strict["whole prompts"] < strict["budget 512"] < strict["apart"]
assert loose["budget 512"] > 1.5 * loose["apart"]

fig, axes = plt.subplots(1, 2, sharey=True, figsize=(6.2, 3.2))
fig.set_label(
    "Two panels, share of requests in time over the rate per device. With the strict "
    "limit whole prompts fall first, then chunks, then servers apart; with the loose "
    "one servers apart fall first and chunks last."
)
for ax, label in zip(axes, limits, strict=True):
    for name, marker in zip(served, "osv", strict=True):
        ax.plot(rates, shares[label, name], marker=marker, label=name)
    ax.axhline(0.9, color="0.5", ls=":")
    ax.set(title=f"{label} per token", xlabel="requests/s and device")
axes[0].set(ylabel="share in time", ylim=(0, 1.03))
axes[0].legend(fontsize=9)

# %%
# Which savings add up
# --------------------
# One saving after another. Left, for a server that is full; right, for a single user.

wide = replace(llama, model=Decoder(kv_heads=32, **SIZES))
int4 = replace(llama, weight_bytes=bits_per_weight(4, 128) / 8, unpacking=2)
guess = replace(int4, guesses=4, acceptance=0.7, draft=1 / 8)
longest = {"block_size": 8192, "watermark": 0.0}
stages = {
    "static batch": (wide, longest),
    "continuous": (wide, longest),
    "shared heads": (llama, longest),
    "pages": (llama, {}),
    "4-bit weights": (int4, {}),
    "guessing": (guess, {}),
    "two devices": (replace(guess, ranks=2), {}),
    "without guessing": (replace(int4, ranks=2), {}),
}
crowd, user = draw_requests(400), [Request(0.0, 256, 256)]
full, alone, bound = {}, {}, {}
for name, (server, options) in stages.items():
    run = serve(
        crowd,
        server,
        Pages(server.slots, **options),
        static=name == "static batch",
    )
    full[name] = run.tokens_per_second()
    alone[name] = 1 / serve(user, server, Pages(server.slots)).per_token()[0]
    time = dict.fromkeys(("memory", "arithmetic", "links", "launch"), 0.0)
    for work in run.works:
        cost = costs(server, work)
        larger = max(("memory", "arithmetic"), key=cost.get)
        time[larger] += cost[larger]
        time["links"] += cost["links"]
        time["launch"] += cost["launch"]
    bound[name] = {k: v / sum(run.seconds) for k, v in time.items()}
values = list(full.values())
assert np.all(np.diff(values[:5]) > 0.1 * np.array(values[:4]))
assert full["guessing"] < 0.85 * full["4-bit weights"]
assert alone["guessing"] > 1.5 * alone["4-bit weights"]
assert full["two devices"] < 1.95 * full["guessing"]
assert full["without guessing"] > 1.1 * full["two devices"]

fig, (ax, right) = plt.subplots(1, 2, sharey=True, figsize=(6.2, 3.6))
fig.set_label(
    "Horizontal bars of tokens per second, one for each saving added. Full server: "
    "rising from under a thousand to tens of thousands, waiting for memory and then "
    "for arithmetic, and falling back with guessing. Single user: flat until four-bit "
    "weights, then rising with guessing."
)
colors = {"memory": "C0", "arithmetic": "C1", "links": "C2", "launch": "C4"}
for i, name in enumerate(stages):
    start = 0.0
    for what, color in colors.items():
        part = bound[name][what] * full[name] / 1000
        ax.barh(i, part, 0.7, start, color=color, label=what if i == 0 else None)
        start += part
    ax.text(start, i, f" {start:.1f}", va="center", fontsize=9)
bars = right.barh(range(len(stages)), list(alone.values()), 0.7, color="C3")
right.bar_label(bars, fmt=" %.0f", fontsize=9)
ax.set_yticks(range(len(stages)), stages, fontsize=9)
ax.invert_yaxis()
ax.set(xlabel="thousand tokens/s, full server", xlim=(0, max(values) / 800))
right.set(xlabel="tokens/s, single user", xlim=(0, 1.25 * max(alone.values())))
ax.legend(title="waiting for", fontsize=9, title_fontsize=9)

measured = {"continuous_gain": full["continuous"] / full["static batch"]}
measured |= {f"ride_{requests}": value for requests, value in ride.items()}
measured["sooner"] = ends[1] / ends[0]
for budget, (_, _, p99, first) in chunked.items():
    measured |= {f"gap_{budget}": float(p99), f"first_{budget}": float(first)}
for kind, rate in {"strict": strict, "loose": loose}.items():
    measured |= {f"{kind}_{name.split()[0]}": value for name, value in rate.items()}
    measured[f"{kind}_gain"] = rate["apart"] / rate["whole prompts"]
for name in stages:
    key = name.replace(" ", "_")
    measured |= {f"full_{key}": full[name], f"alone_{key}": float(alone[name])}
