"""
Averaging the losses makes a fit stop early
===========================================

A figure of :doc:`/training/scaling_laws`. Tables of simulated runs, whose law is known,
are fitted with the sum of the Huber losses and with their mean.
"""

import matplotlib.pyplot as plt
import numpy as np

from snippets.training.scaling_laws import PUBLISHED, STARTS, fit_law
from snippets.training.simulated_runs import lbfgs_fit, simulated_runs

law, starts = PUBLISHED["Besiroglu"], STARTS[::3]
tables = [simulated_runs(law, seed, noise=0.005) for seed in range(8)]


def best_of(runs, scale):
    return min((lbfgs_fit(runs, s, scale) for s in starts), key=lambda end: end.fun)


def exponent(constants):
    alpha, beta = constants.T
    return beta / (alpha + beta)


converged = np.array([fit_law(*runs, starts=starts)[3:] for runs in tables])
summed = np.array([best_of(runs, 1.0).x[3:] for runs in tables])
mean = np.array([best_of(runs, 1 / len(runs.N)).x[3:] for runs in tables])
truth = np.array([law.alpha, law.beta])

fig, ax = plt.subplots(figsize=(6.4, 3.4), layout="constrained")
ax.plot(*summed.T, "s", color="C2", mfc="none", ms=8, label="sum, L-BFGS-B")
ax.plot(*converged.T, "o", color="C0", ms=4, label="sum, BFGS")
ax.plot(*mean.T, "x", color="C1", label="mean, L-BFGS-B")
ax.plot(*truth, "*", color="0.5", ms=14, label="truth", zorder=0)
ax.set(xlabel=r"fitted $\alpha$", ylabel=r"fitted $\beta$")
ax.legend()
error = abs(converged - truth).max(axis=0)
low, high = mean.min(axis=0), mean.max(axis=0)
fig.set_label(
    f"Fitted exponents of {len(tables)} tables. With the sum, both methods give the "
    f"same points, within {error.max():.3f} of the truth. With the mean, all points "
    f"are far away: alpha from {low[0]:.2f} to {high[0]:.2f}, beta from {low[1]:.2f} "
    f"to {high[1]:.2f}."
)
a, a_mean, a_truth = exponent(converged), exponent(mean), exponent(truth)
measured = {
    "tables": len(tables),
    "starts": len(starts),
    "alpha_error": error[0],
    "beta_error": error[1],
    "a_error": abs(a - a_truth).max(),
    "control": abs(exponent(summed) - a).max(),
    "mean_lowest": a_mean.min(),
    "mean_highest": a_mean.max(),
}
assert measured["a_error"] < 0.02
assert max(error) < 0.03
assert measured["control"] < 0.001
assert abs(a_mean - a_truth).min() > 0.03
