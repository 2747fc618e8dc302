"""
Each look at a running test is another chance of a false alarm
==============================================================

Two figures of :doc:`/practice/interview_pitfalls`: A/B tests that are looked at up to
100 times. First: five tests without an effect. Second: how often a test without an
effect is called significant, and how often an effect is found.
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
z = noise.cumsum(axis=1) / np.sqrt(parts)

stopped = (np.abs(z) > 1.96).any(axis=1) & (np.abs(z[:, -1]) < 1.96)
fig, ax = plt.subplots(figsize=(6.4, 2.9), layout="constrained")
examples = [*np.flatnonzero(stopped)[:2], *np.flatnonzero(~stopped)[:3]]
for number, run in enumerate(examples):
    ax.plot(
        parts,
        z[run],
        color=f"C{1 if number < 2 else 0}",
        lw=1.2,
        alpha=0.9 if number < 2 else 0.4,
    )
    crossed = np.flatnonzero(np.abs(z[run]) > 1.96)
    if len(crossed):
        ax.plot(parts[crossed[0]], z[run, crossed[0]], "o", color="C1")
for limit in (-1.96, 1.96):
    ax.axhline(limit, color="0.5", ls=":")
ax.set(xlabel="data so far (%)", ylabel="z", xlim=(0, 100), ylim=(-3.6, 3.6))
fig.set_label(
    "Five wandering lines of z. Two leave the band between the dotted lines at -1.96 and "
    "1.96 before the end, at a dot, but end inside it. Three stay inside."
)

looks = np.array([1, 2, 5, 10, 20, 50, 100])
places = [np.arange(PARTS // k - 1, PARTS, PARTS // k) for k in looks]
simulated = [(np.abs(z[:, at]) > 1.96).any(axis=1).mean() for at in places]
exact = np.array([false_positive_rate(int(k), 1.96) for k in looks])
assert np.all(np.abs(simulated - exact) < 4 * np.sqrt(exact * (1 - exact) / RUNS))

high, ten, alarms = constant_threshold(10), places[3], {}
for name, values in (("null", noise), ("effect", noise + EFFECT)):
    z = values.cumsum(axis=1) / np.sqrt(parts)
    found = [np.abs(z[:, -1]) > 1.96, (np.abs(z[:, ten]) > high).any(axis=1)]
    found.append(always_valid_p_values(values, 1.0, EFFECT)[:, -1] <= 0.05)
    alarms[name] = np.mean(found, axis=1)
assert np.all(alarms["null"] < 0.05 + 4 * np.sqrt(0.05 * 0.95 / RUNS))
assert np.all(np.diff(alarms["effect"]) < 0)

fig, (ax, right) = plt.subplots(1, 2, figsize=(6.4, 3.1), layout="constrained")
ax.semilogx(looks, 100 * exact, color="C1", label="computed")
ax.semilogx(looks, 100 * np.array(simulated), "o", color="C1", label="simulated")
ax.axhline(5, color="0.5", ls=":")
ax.set_xticks(looks, looks)
ax.minorticks_off()
ax.set(xlabel="looks", ylabel="false positives (%)", ylim=(0, 42))
ax.legend(fontsize="small")
rows = ["one look,\n1.96", f"ten looks,\n{high:.2f}", "100 looks,\nalways valid"]
for shift, name in ((0.2, "null"), (-0.2, "effect")):
    bars = right.barh(
        np.arange(3) + shift,
        100 * alarms[name],
        0.36,
        color="C1" if name == "null" else "C0",
        label="no effect" if name == "null" else "effect",
    )
    right.bar_label(bars, fmt="%.1f", fontsize="small", padding=2)
right.set_yticks(range(3), rows, fontsize="small")
right.set(xlabel="significant (%)", xlim=(0, 105), ylim=(2.6, -0.9))
right.legend(ncols=2, fontsize="small", loc="upper right")
told = ", ".join(f"{100 * share:.0f} %" for share in exact)
fig.set_label(
    f"Left: false positives for {', '.join(map(str, looks))} looks: {told}; simulated "
    "dots lie on the line. Right: bars for three tests, without and with an effect: "
    + "; ".join(f"{100 * a:.1f} and {100 * b:.1f} %" for a, b in zip(*alarms.values()))
)
measured = {
    "two": exact[1],
    "five": exact[2],
    "ten": exact[3],
    "ten_simulated": simulated[3],
    "twenty": exact[4],
    "hundred": exact[6],
    "power_one": alarms["effect"][0],
    "power_ten": alarms["effect"][1],
    "power_valid": alarms["effect"][2],
    "null_ten": alarms["null"][1],
    "null_valid": alarms["null"][2],
}
