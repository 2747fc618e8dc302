"""
Two baselines with the same variance and different results
==========================================================

A figure of :doc:`/alignment/policy_gradients`: a thousand runs for each of four
baselines, one answer for each update. Two of the baselines have the same variance.
"""

import matplotlib.pyplot as plt
import torch

from snippets.alignment.policy_gradients import best_baseline, estimates

torch.manual_seed(0)
RUNS, UPDATES, RATE = 1000, 800, 0.05
rewards = torch.tensor([5.0, 6.0, 8.0])
BASELINES = {
    "0": lambda p: torch.zeros(RUNS, 1),
    "twice best": lambda p: 2 * best_baseline(p, rewards),
    "mean": lambda p: (p @ rewards)[:, None],
    "best": lambda p: best_baseline(p, rewards),
}
start = torch.tensor([0.6, 0.3, 0.1]).log()
curves, ends = {}, {}
for name, baseline in BASELINES.items():
    logits, curves[name] = start.repeat(RUNS, 1), []
    for _ in range(UPDATES):
        probs = logits.softmax(-1)
        drawn = torch.multinomial(probs, 1)[:, 0]
        logits += RATE * estimates(probs, rewards, baseline(probs))[range(RUNS), drawn]
        curves[name].append(probs[:, 2])
    curves[name] = torch.stack(curves[name])
    ends[name] = logits.argmax(-1).bincount(minlength=3) / RUNS

fig, (left, right) = plt.subplots(1, 2, figsize=(6.8, 2.8), layout="constrained")
STYLES = dict(zip(BASELINES, ("C0-", "C3--", "C1-", "C2:"), strict=True))
for name, curve in curves.items():
    left.plot(curve.mean(1), STYLES[name], label=name)
left.set(xlabel="updates", ylabel="probability of C, mean", ylim=(0, 1))
left.legend(title="baseline", fontsize=9)
bottom = torch.zeros(len(ends))
for answer, shade in zip(range(2, -1, -1), ("C4", "C5", "0.5"), strict=True):
    shares = torch.stack([share[answer] for share in ends.values()])
    right.bar(list(ends), shares, bottom=bottom, color=shade, label="ABC"[answer])
    bottom += shares
right.set(xlabel="baseline", ylabel="share of runs")
right.legend(title="prefers", fontsize=9, loc=(1.02, 0.3))
fig.set_label(
    "Left: mean probability of the best answer, C, which rises fastest with the mean "
    "and the best baseline. Right: share of runs that end with C: "
    + ", ".join(f"{share[2]:.1%} with baseline {name}" for name, share in ends.items())
    + "."
)
error = (ends["0"][2] * (1 - ends["0"][2]) / RUNS).sqrt()
measured = {
    "commit": ends["0"][2],
    "explore": ends["twice best"][2],
    "dynamics_error": error,
}
assert measured["explore"] - measured["commit"] > 4 * error
assert ends["mean"][2] > 0.99
