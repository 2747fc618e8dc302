"""
Two baselines with the same variance and different results
==========================================================

A figure of :doc:`/alignment/policy_gradients`: a thousand runs for each of four
baselines, one answer for each update. Two of the baselines have the same variance.
"""

import matplotlib.pyplot as plt
import torch

from snippets.alignment.answer_table import best_baseline, estimates

torch.manual_seed(0)
RUNS, UPDATES, RATE, SLOW = 1000, 1200, 0.05, 0.0125
rewards = torch.tensor([5.0, 6.0, 8.0])
NAMES = ["0", "twice best", "mean", "best", "0, slow", "twice best, slow"]
rates = torch.tensor([RATE] * 4 + [SLOW] * 2)[:, None, None]
logits = torch.tensor([0.6, 0.3, 0.1]).log().repeat(len(NAMES), RUNS, 1)
found = []
for _ in range(UPDATES):
    probs = logits.softmax(-1)
    best, mean = best_baseline(probs[1::2], rewards), probs[2] @ rewards
    zero = torch.zeros(RUNS, 1)
    baselines = zero, 2 * best[0], mean[:, None], best[1], zero, 2 * best[2]
    baseline = torch.stack(baselines)
    drawn = torch.multinomial(probs.flatten(0, 1), 1).view(len(NAMES), RUNS, 1, 1)
    every = estimates(probs, rewards, baseline)  # one for each answer that may come
    logits += rates * every.take_along_dim(drawn, -2)[..., 0, :]
    found.append(probs[..., 2].mean(1))
curves = dict(zip(NAMES, torch.stack(found).T, strict=True))
prefers = torch.nn.functional.one_hot(logits.argmax(-1), 3).double().mean(1)
ends = dict(zip(NAMES, prefers, strict=True))

fig, (left, right) = plt.subplots(1, 2, figsize=(6.8, 2.8), layout="constrained")
STYLES = {"0": "C0-", "twice best": "C3--", "mean": "C1-", "best": "C2:"}
for name, style in STYLES.items():
    left.plot(curves[name], style, label=name)
left.set(xlabel="updates", ylabel="probability of C, mean", ylim=(0, 1))
left.legend(title="baseline", fontsize=9)
bottom = torch.zeros(len(STYLES))
for answer, shade in zip(range(2, -1, -1), ("C4", "C5", "0.5"), strict=True):
    shares = torch.stack([ends[name][answer] for name in STYLES])
    right.bar(
        [n.replace(" ", "\n") for n in STYLES],
        shares,
        bottom=bottom,
        color=shade,
        label="ABC"[answer],
    )
    bottom += shares
right.set(xlabel="baseline", ylabel="share of runs")
right.legend(title="prefers", fontsize=9, loc=(1.02, 0.3))
fig.set_label(
    "Left: mean probability of the best answer, C, which rises fastest with the mean "
    "and the best baseline. Right: share of runs that end with C: "
    + ", ".join(f"{ends[name][2]:.1%} with baseline {name}" for name in STYLES)
    + "."
)
error = (ends["0"][2] * (1 - ends["0"][2]) / RUNS).sqrt()
measured = {
    "commit": ends["0"][2],
    "explore": ends["twice best"][2],
    "dynamics_error": error,
    "slow_commit": ends["0, slow"][2],
    "slow_explore": ends["twice best, slow"][2],
}
assert measured["explore"] - measured["commit"] > 4 * error
assert ends["mean"][2] > 0.99
assert min(ends["0, slow"][2], ends["twice best, slow"][2]) > 0.96
