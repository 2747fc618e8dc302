"""
Each look at a running test is another chance of a false alarm
==============================================================

A figure of :doc:`/practice/interview_pitfalls`: tests of a mean that is 0, looked at up
to 100 times. Left: six tests. Right: the share that is significant at some look. The
script also measures how often four rules find a mean that is not 0, and how soon.
"""

import matplotlib.pyplot as plt
import numpy as np

from snippets.practice.repeated_looks import (
    always_valid_p_values,
    constant_threshold,
    false_positive_rate,
)

rng = np.random.default_rng(0)
RUNS, PARTS = 20_000, 100
EFFECT = 0.28  # found by one test at the end in 80 % of cases
parts = np.arange(1, PARTS + 1)
noise = rng.normal(size=(RUNS, PARTS))
z = np.abs(noise.cumsum(axis=1)) / np.sqrt(parts)

looks = np.array([1, 2, 5, 10, 20, 50, 100])
places = [np.arange(PARTS // k - 1, PARTS, PARTS // k) for k in looks]
simulated = np.array([(z[:, at] > 1.96).any(axis=1).mean() for at in places])
exact = np.array([false_positive_rate(int(k), 1.96) for k in looks])
assert np.all(np.abs(simulated - exact) < 4 * np.sqrt(exact * (1 - exact) / RUNS))

ten, high = places[3], constant_threshold(10)
falling = np.quantile(np.abs(noise.cumsum(axis=1)[:, ten]).max(axis=1), 0.95)
found = {}
for name, values in (("null", rng.normal(size=noise.shape)), ("power", noise + EFFECT)):
    size = np.abs(values.cumsum(axis=1))
    valid = always_valid_p_values(values, sigma=1.0, tau=EFFECT) <= 0.05
    for rule, hits, when in (
        ("one", size[:, [-1]] > 1.96 * np.sqrt(PARTS), parts[[-1]]),
        ("ten", (size / np.sqrt(parts))[:, ten] > high, parts[ten]),
        ("falling", size[:, ten] > falling, parts[ten]),
        ("valid", valid, parts),
    ):
        found[f"{name}_{rule}"] = hits.any(axis=1).mean()
        stop = np.where(hits.any(axis=1), when[hits.argmax(axis=1)], PARTS)
        found[f"{name}_{rule}_data"] = stop.mean() / PARTS
limit = 0.05 + 4 * np.sqrt(2 * 0.05 * 0.95 / RUNS)  # falling has an error of its own
assert max(found[f"null_{rule}"] for rule in ("one", "ten", "falling", "valid")) < limit
power = [found[f"power_{rule}"] for rule in ("one", "falling", "ten", "valid")]
assert np.all(np.diff(power) < -0.01)

fig, (ax, right) = plt.subplots(1, 2, figsize=(6.4, 3), layout="constrained")
first = (z > 1.96).argmax(axis=1)  # 0 if never
early = (first > 20) & (z[:, -1] < 1.96)
for color, runs in (
    ("C0", np.flatnonzero(z.max(axis=1) < 1.96)),
    ("C1", np.flatnonzero(early)),
):
    for run in runs[:3]:
        ax.plot(parts, z[run], color=color, lw=1, alpha=0.7)
        if color == "C1":
            ax.plot(parts[first[run]], z[run, first[run]], "o", color="C1")
ax.axhline(1.96, color="0.5", ls=":")
ax.set(xlabel="data so far (%)", ylabel="|z|", xlim=(0, 100), ylim=0)
right.semilogx(looks, 100 * exact, color="C1", label="computed")
right.semilogx(looks, 100 * simulated, "o", color="C1", label="simulated")
right.axhline(5, color="0.5", ls=":")
right.minorticks_off()
right.set_xticks(looks, looks)
right.set(xlabel="looks", ylabel="false positives (%)", ylim=(0, 42))
right.legend(fontsize="small")
told = ", ".join(f"{100 * share:.0f}" for share in exact)
fig.set_label(
    "Left: wandering lines of |z|. Three cross the dotted line at 1.96 at a dot, and "
    "end below it. Three do not. Right: a rising line with dots on it; for "
    f"{', '.join(map(str, looks))} looks, {told} % false positives."
)
shown = [name for name in found if name.startswith("power") and "one" not in name]
measured = {name: found[name] for name in (*shown, "null_valid")}
measured |= {"looks_2": exact[1], "looks_100": exact[-1]}
