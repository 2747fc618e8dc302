"""
A learning curve that is a power law by proof
=============================================

A figure of :doc:`/training/scaling_laws`. A learner that knows by heart what it has
seen errs on what is new. Features are drawn at random from Zipf distributions.
"""

import matplotlib.pyplot as plt
import numpy as np

from snippets.training.zipf_learner import expected_error, measured_error, zipf

SEEDS = 16
sizes = np.logspace(2, 5, 10).astype(int)
fig, ax = plt.subplots(figsize=(6.4, 3.3), layout="constrained")
off, slopes = [], []
for number, a in enumerate((0.5, 1.0, 2.0)):
    theta = zipf(a, 1_000_000)
    runs = np.array([measured_error(theta, sizes, seed) for seed in range(SEEDS)])
    mean, theory = runs.mean(axis=0), -a / (1 + a)
    ax.plot(sizes, mean, "o", color=f"C{number}", ms=4)
    expected = expected_error(theta, sizes)
    ax.plot(sizes, expected, color=f"C{number}", label=f"a = {a:g}")
    slope = np.polyfit(np.log(sizes), np.log(mean), 1)[0]
    off.append(abs(slope - theory))
    slopes.append(f"{slope:.2f} for a = {a:g} (theory {theory:.2f})")
ax.set(xscale="log", yscale="log", xlabel="examples learned n")
ax.set_ylabel("error: the next is new")
fig.legend(loc="outside upper center", ncols=3)
fig.set_label(
    "Both axes logarithmic. Three falling lines, with dots near them. Slopes of the "
    f"dots: {', '.join(slopes)}."
)
measured = {"zipf_off": max(off), "zipf_sequences": SEEDS}
assert max(off) < 0.03
