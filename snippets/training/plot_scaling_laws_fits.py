"""
The mean of the losses makes a fit stop early, and look certain
===============================================================

A figure of :doc:`/training/scaling_laws`. Tables of simulated runs, whose law is known,
are fitted with the sum of the Huber losses and with their mean. Each fit is repeated on
100 subsamples of its table, from the constants that the whole table gave.
"""

import matplotlib.pyplot as plt
import numpy as np

from snippets.training.scaling_fit import STARTS, fit_law
from snippets.training.scaling_laws import PUBLISHED
from snippets.training.simulated_runs import lbfgs_fit, simulated_runs

TABLES, PARTS = 5, 100
law, starts = PUBLISHED["Besiroglu"], STARTS[::3]
truth = law.beta / (law.alpha + law.beta)
rng = np.random.default_rng(0)


def exponent(alpha, beta):
    return beta / (alpha + beta)


def best_of(runs, scale):
    ends = (lbfgs_fit(runs, start, scale) for start in starts)
    return min(ends, key=lambda end: end.fun).x


whole, parts = {"sum": [], "mean": []}, {"sum": [], "mean": []}
control = []
for seed in range(TABLES):
    runs = simulated_runs(law, seed, noise=0.005)
    count = len(runs.N)
    found, stopped = fit_law(*runs, starts=starts), best_of(runs, 1 / count)
    whole["sum"].append(exponent(*found[3:]))
    whole["mean"].append(exponent(*stopped[3:]))
    control.append(exponent(*best_of(runs, 1.0)[3:]) - whole["sum"][-1])
    chosen = [rng.choice(count, int(0.8 * count), replace=False) for _ in range(PARTS)]
    tables = [runs.some(part) for part in chosen]
    start = np.log(found.A), np.log(found.B), np.log(found.E), found.alpha, found.beta
    fits = [fit_law(*table, starts=(start,))[3:] for table in tables]
    parts["sum"].append([exponent(*fit) for fit in fits])
    fits = [lbfgs_fit(table, stopped, 1 / len(table.N)).x[3:] for table in tables]
    parts["mean"].append([exponent(*fit) for fit in fits])
    if seed == 0:  # the same with all starts
        fits = [best_of(table, 1 / len(table.N))[3:] for table in tables]
        grid = np.percentile([exponent(*fit) for fit in fits], [10, 90])

fig, ax = plt.subplots(figsize=(6.4, 3.3), layout="constrained")
rows = np.arange(1, TABLES + 1)
measured = {"tables": TABLES}
said = []
for number, (name, marker) in enumerate({"sum": "o", "mean": "x"}.items()):
    low, high = np.percentile(parts[name], [10, 90], axis=1)
    ax.hlines(rows, low, high, lw=7, alpha=0.4, color=f"C{number}")
    ax.plot(whole[name], rows, f"C{number}{marker}", label=f"{name} of the losses")
    measured[f"{name}_width"] = np.median(high - low)
    said.append(f"{name}: a from {min(whole[name]):.3f} to {max(whole[name]):.3f}")
ax.axvline(truth, color="0.5", ls="--", label="truth", zorder=0)
ax.set(xlabel="fitted exponent a", ylabel="table", yticks=rows)
fig.legend(loc="outside upper center", ncols=3)
measured |= {"mean_lowest": min(whole["mean"]), "mean_highest": max(whole["mean"])}
measured |= {"grid_low": grid[0], "grid_high": grid[1]}
measured["a_error"] = abs(np.array(whole["sum"]) - truth).max()
measured["mean_off"] = abs(np.array(whole["mean"]) - truth).min()
measured["control"] = abs(np.array(control)).max()
fig.set_label(
    f"A row for each table. {'; '.join(said)}; truth {truth:.3f}. The bars of the mean "
    "are too short to be seen behind their crosses."
)
assert measured["control"] < 0.001
assert not any((low < truth) & (truth < high))  # with the mean
assert measured["mean_off"] > 0.03
assert measured["mean_width"] < measured["sum_width"] / 3
assert grid[1] - grid[0] > measured["sum_width"]
