"""
Each budget has a best size
===========================

Two figures of :doc:`/training/scaling_laws`: IsoFLOP curves of a published law with
their minima, and how far a fitted parabola misses these minima without any noise.
"""

import matplotlib.pyplot as plt
import numpy as np

from snippets.training.scaling_laws import (
    PUBLISHED,
    compute_optimal,
    isoflop_optimum,
    predicted_loss,
)

law = PUBLISHED["Besiroglu"]
budgets = 10.0 ** np.arange(18, 23)
fig, ax = plt.subplots(figsize=(6.4, 3.4), layout="constrained")
for number, C in enumerate(budgets):
    best = compute_optimal(law, C)
    N = best.N * np.geomspace(1 / 20, 20, 99)
    ax.plot(N, predicted_loss(law, N, C / 6 / N), color=f"C{number}")
    ax.plot(*(best.N, predicted_loss(law, *best)), "o", color=f"C{number}")
    label = f"$10^{{{np.log10(C):.0f}}}$"
    ax.text(N[-1], predicted_loss(law, N, C / 6 / N)[-1], label, color=f"C{number}")
path = [compute_optimal(law, C) for C in np.geomspace(1e17, 1e24, 50)]
sizes = np.array(path).T
ax.plot(sizes[0], predicted_loss(law, *sizes), "--", color="0.5")
ax.set(xscale="log", xlabel="parameters N", ylabel="loss, nats per token")
ax.set(xlim=(1e7, 1e12), ylim=(1.9, 5))
first, last = (compute_optimal(law, C).N for C in budgets[[0, -1]])
fig.set_label(
    f"{len(budgets)} U-shaped curves of the loss over the parameters, one for each "
    f"budget. Their minima lie on a falling dashed line, from {first / 1e6:.0f} "
    f"million parameters at the smallest budget to {last / 1e9:.1f} billion at the "
    "largest."
)

# %% A parabola in log N is not quite the curve
budgets = np.geomspace(1e19, 1e21, 21)
grid = np.logspace(7.5, 10.3, 9)  # the same sizes at each budget


def miss(C, N):
    """Relative error of the parabola's vertex, with the exact losses."""
    found = isoflop_optimum(N, predicted_loss(law, N, C / 6 / N))
    return found / compute_optimal(law, C).N - 1


def around(C, times):
    return compute_optimal(law, C).N * np.geomspace(1 / times, times, 9)


fixed = np.array([miss(C, grid) for C in budgets])
centered = {
    times: np.array([miss(C, around(C, times)) for C in budgets]) for times in (4, 25)
}
fig, ax = plt.subplots(figsize=(6.4, 2.9), layout="constrained")
ax.plot(budgets, fixed, label="the same sizes at each budget")
for times, values in centered.items():
    ax.plot(budgets, values, "--", label=f"from N*/{times} to {times} N*")
ax.axhline(0, color="0.5", lw=0.8)
ax.set(xscale="log", xlabel="budget C, FLOPs", ylabel="error of N*")
ax.yaxis.set_major_formatter("{x:.0%}")
ax.legend()
fig.set_label(
    "Error of the vertex over the budget. With the same sizes at each budget, it "
    f"swings between {fixed.min():.1%} and {fixed.max():.1%}. With sizes centered on "
    f"the minimum it is level, {centered[25][-1]:.1%} for the wide range and "
    f"{centered[4][-1]:.1%} for the narrow one."
)
measured = {"fixed_lowest": fixed.min(), "fixed_highest": fixed.max()}
measured |= {"narrow": abs(centered[4]).max(), "wide": abs(centered[25]).max()}
assert all(values.max() < 0 for values in centered.values())
assert measured["narrow"] < measured["wide"] < abs(fixed).max()
