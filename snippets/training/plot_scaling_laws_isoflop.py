"""
Each budget has a best size
===========================

A figure of :doc:`/training/scaling_laws`: IsoFLOP curves of a published law, and their
minima.
"""

import matplotlib.pyplot as plt
import numpy as np

from snippets.training.scaling_laws import PUBLISHED, compute_optimal, predicted_loss

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
