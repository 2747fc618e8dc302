"""
Exponentials with different rates add up to a power law
=======================================================

Figure of :doc:`/alignment/inference_scaling`: the share of questions without a right
answer among k, for single questions and for the mean of many, with two distributions of
the chance that one answer is right.
"""

import matplotlib.pyplot as plt
import numpy as np

from snippets.alignment.inference_scaling import beta_failure, coverage

rng = np.random.default_rng(0)
A, B, QUESTIONS = 0.6, 1.4, 100_000
attempts = np.unique(np.geomspace(1, 1000, 40).round().astype(int))
singles = (0.3, 0.03, 0.003)
places = [(14, 0.003), (190, 0.0015), (350, 0.5)]  # of their names
samples = {"some chances near 0": rng.beta(A, B, QUESTIONS),
           "all chances above 0.05": rng.uniform(0.05, 0.55, QUESTIONS)}  # fmt: skip
means = [
    np.array([1 - coverage(chance, k).mean() for k in attempts.tolist()])
    for chance in samples.values()
]
exact = np.array([beta_failure(A, B, k) for k in attempts.tolist()])
assert np.abs(means[0] - exact).max() < 0.005
large = attempts >= 30
slope = np.polyfit(np.log(attempts[large]), np.log(means[0][large]), 1)[0]
assert abs(slope + A) < 0.03

fig, axes = plt.subplots(1, 2, figsize=(6.8, 3.2), layout="constrained", sharey=True)
for ax, title, mean in zip(axes, samples, means, strict=True):
    for n, p in enumerate(singles[: 3 if mean is means[0] else 1]):
        alone = [1 - coverage(np.array([p]), k)[0] for k in attempts.tolist()]
        ax.plot(attempts, alone, f"C{n}" + ["--", "-.", ":"][n])
        ax.text(*places[n], f"p = {p}", color=f"C{n}", ha=["right", "left"][n > 1])
    ax.plot(attempts, mean, "C4-", lw=2.5)
    ax.set(xscale="log", yscale="log", xlim=(0.8, 3000), ylim=(1e-3, 1.3))
    ax.set(xlabel="attempts k")
    ax.set_title(title, fontsize="medium")
axes[0].text(12, 0.06, "mean", color="C4")
axes[1].text(30, 0.02, "mean", color="C4")
axes[0].set(ylabel="no right answer, share")
after = attempts.tolist().index(attempts[attempts >= 100][0])
fig.set_label(
    "Failure against attempts, on log-log axes. Left: single questions fall faster "
    f"and faster, and the mean of questions with Beta({A}, {B}) chances becomes a "
    f"straight line of slope {slope:.2f}; {means[0][-1]:.1%} are left after "
    f"{attempts[-1]} attempts. Right: if no chance is below 0.05, the mean bends down "
    f"as well, to {means[1][after]:.2%} after {attempts[after]} attempts."
)
measured = {"slope": slope}
