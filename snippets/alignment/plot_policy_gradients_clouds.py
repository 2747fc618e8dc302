"""
Estimates of a policy gradient without and with a baseline
==========================================================

A figure of :doc:`/alignment/policy_gradients`: estimates from 32 answers each
scatter around the exact gradient; with a baseline, they scatter far less.
"""

import matplotlib.pyplot as plt
import torch
from torch.distributions import Categorical

from snippets.alignment.policy_gradients import (
    best_baseline,
    estimates,
    estimator_variance,
    exact_gradient,
    leave_one_out,
)

torch.manual_seed(0)
BATCHES, GROUP = 400, 32
probs, rewards = torch.tensor([0.6, 0.3, 0.1]), torch.tensor([5.0, 6.0, 8.0])
exact = exact_gradient(probs, rewards)
best = best_baseline(probs, rewards)
mean = (probs @ rewards)[None]
drawn = Categorical(probs).sample((BATCHES, GROUP))
scores = estimates(probs, torch.ones(3), 0.0)[drawn]
earned = rewards[drawn]
clouds = {
    "no baseline": (earned[..., None] * scores).mean(1),
    "RLOO": ((earned - leave_one_out(earned))[..., None] * scores).mean(1),
}

fig, axes = plt.subplots(
    1, 3, figsize=(6.8, 2.7), layout="constrained", width_ratios=[1, 1, 1.15]
)
for ax, (name, cloud) in zip(axes, clouds.items(), strict=False):
    ax.scatter(cloud[:, 0], cloud[:, 2], s=6, color="C0", alpha=0.5, linewidth=0)
    ax.plot(exact[0], exact[2], "C3x", markersize=9, markeredgewidth=2)
    ax.axhline(0, color="0.6", linewidth=0.6)
    ax.axvline(0, color="0.6", linewidth=0.6)
    ax.set(title=name, xlim=(-2.2, 1.6), ylim=(-1.4, 2.4), xlabel="change of logit A")
axes[0].set_ylabel("change of logit C")
baselines = torch.linspace(0, 2 * best.item(), 101)
curve = torch.stack([estimator_variance(probs, rewards, b.item()) for b in baselines])
axes[2].plot(baselines, curve, "0.5")
marks = {"0": torch.zeros(1), "mean": mean, "best": best, "twice best": 2 * best}
variance = {n: estimator_variance(probs, rewards, b) for n, b in marks.items()}
for place, (name, b) in enumerate(marks.items()):
    axes[2].plot(b, variance[name], "o", color=f"C{place}", label=name)
axes[2].set(title="one answer", xlabel="baseline", ylabel="variance", ylim=(0, None))
axes[2].legend(loc="upper center", fontsize=9, title="baseline")
spread = {name: cloud.var(0).sum() for name, cloud in clouds.items()}
fig.set_label(
    f"{BATCHES} estimates around the exact gradient, a cross. Their variance is "
    f"{spread['no baseline']:.2f} without a baseline and {spread['RLOO']:.2f} with "
    "RLOO. Right: the variance of one estimate is a parabola in the baseline: "
    + ", ".join(f"{v:.2f} at {name}" for name, v in variance.items())
    + "."
)
measured = {
    "cloud": spread["no baseline"],
    "rloo_cloud": spread["RLOO"],
    "variance": variance["0"],
    "mean_variance": variance["mean"],
    "best_variance": variance["best"],
}
assert torch.isclose(variance["0"], variance["twice best"])
assert spread["no baseline"] > 10 * spread["RLOO"]
