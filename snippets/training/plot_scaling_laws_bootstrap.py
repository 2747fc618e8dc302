"""
A fit that stops early hardly moves when it is repeated
=======================================================

A figure of :doc:`/training/scaling_laws`. The fits of one table of simulated runs are
repeated on parts of the table, each time from the constants that the whole gave.
"""

import matplotlib.pyplot as plt
import numpy as np

from snippets.training.scaling_laws import PUBLISHED, STARTS, fit_law
from snippets.training.simulated_runs import lbfgs_fit, simulated_runs

law, rng = PUBLISHED["Besiroglu"], np.random.default_rng(0)
runs = simulated_runs(law, 0, noise=0.005)
count = len(runs.N)
parts = [rng.choice(count, int(0.8 * count), replace=False) for _ in range(100)]

whole = fit_law(*runs, starts=STARTS[::3])
start = np.log(whole.A), np.log(whole.B), np.log(whole.E), whole.alpha, whole.beta
ends = [lbfgs_fit(runs, start, 1 / count) for start in STARTS[::3]]
stopped = min(ends, key=lambda end: end.fun).x
exponents = {
    "sum": [fit_law(*runs.some(part), starts=(start,))[3:] for part in parts],
    "mean": [
        lbfgs_fit(runs.some(part), stopped, 1 / len(part)).x[3:] for part in parts
    ],
}
found = {}
for name, fits in exponents.items():
    alpha, beta = np.array(fits).T
    found[name] = beta / (alpha + beta)
truth = law.beta / (law.alpha + law.beta)

fig, ax = plt.subplots(figsize=(6.4, 2.7), layout="constrained")
edges = np.arange(0.455, 0.53, 0.001)
for name, values in found.items():
    ax.hist(values, bins=edges, histtype="stepfilled", label=f"{name} of the losses")
ax.axvline(truth, color="0.5", ls="--", label="truth")
ax.set(xlabel="fitted exponent a", ylabel="parts of the table")
ax.legend()
low, high = (np.percentile(list(found.values()), q, axis=1) for q in (10, 90))
fig.set_label(
    f"Histograms of a. Sum: 80 % between {low[0]:.3f} and {high[0]:.3f}, around the "
    f"truth, {truth:.3f}. Mean: a narrow peak, 80 % between {low[1]:.4f} and "
    f"{high[1]:.4f}, far from it."
)
measured = {"runs": count, "sum_low": low[0], "sum_high": high[0]}
measured |= {"mean_low": low[1], "mean_high": high[1]}
measured["narrower"] = (high - low)[0] / (high - low)[1]
assert high[1] < truth < high[0]
assert measured["narrower"] > 4
