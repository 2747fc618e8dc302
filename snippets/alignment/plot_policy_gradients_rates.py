"""
A baseline allows larger learning rates
=======================================

A figure of :doc:`/alignment/policy_gradients`: reward after training on a task of
eight tokens, by learning rate, for REINFORCE with three baselines and two offsets.
"""

import matplotlib.pyplot as plt
import torch

from snippets.alignment import step_policy as steps
from snippets.alignment.policy_gradients import leave_one_out, policy_gradient_loss

RATES, SEEDS, ANSWERS, UPDATES, EARLY = (1, 2, 4, 8, 16, 32), 8, 16, 200, 50
METHODS = {  # name: reward added to every answer, baseline
    "no baseline, reward + 1": (1.0, "none"),
    "no baseline": (0.0, "none"),
    "running mean": (0.0, "running"),
    "RLOO": (0.0, "rloo"),
}


def train(offset: float, kind: str) -> list[torch.Tensor]:
    """Expected reward of each run, early and at the end; one row for each rate."""
    rates = torch.tensor(RATES, dtype=torch.float).repeat_interleave(SEEDS)
    size = (len(rates), steps.VOCAB + 1, steps.VOCAB)
    logits = torch.zeros(size, requires_grad=True)
    running, found = None, []
    for update in range(UPDATES):
        answers = steps.sample(logits, ANSWERS)
        rewards = steps.step_rewards(answers) + offset
        mean = rewards.mean(-1, keepdim=True)
        running = mean if running is None else running  # of earlier updates
        baseline = {"none": 0.0, "running": running, "rloo": leave_one_out(rewards)}
        log_probs = steps.step_log_probs(logits, answers)
        loss = policy_gradient_loss(log_probs, rewards - baseline[kind]).sum()
        (gradient,) = torch.autograd.grad(loss, logits)
        with torch.no_grad():
            logits -= rates[:, None, None] * gradient
        running = 0.9 * running + 0.1 * mean
        if update + 1 in (EARLY, UPDATES):
            found.append(steps.expected_reward(logits.detach()).view(-1, SEEDS))
    return found


torch.manual_seed(0)
results = {name: train(*method) for name, method in METHODS.items()}
fig, axes = plt.subplots(1, 2, figsize=(6.8, 3.1), layout="constrained", sharey=True)
for column, (ax, updates) in enumerate(zip(axes, (EARLY, UPDATES), strict=True)):
    for number, (name, found) in enumerate(results.items()):
        style = f"C{number}" + "sox^"[number]
        runs, shift = found[column], 1.06 ** (number - 1.5)
        places = torch.tensor(RATES) * shift
        ax.plot(places, runs.mean(1), style + "-", label=name if column else None)
        ax.vlines(places, runs.amin(1), runs.amax(1), f"C{number}", alpha=0.6)
    ax.axhline(1 / steps.VOCAB, color="0.6", linewidth=0.8, linestyle=":")
    ax.set(title=f"after {updates} updates", xlabel="learning rate", xscale="log")
    ax.set_xticks(RATES, RATES)
    ax.minorticks_off()
axes[0].set_ylabel("expected reward")
fig.legend(loc="outside upper center", ncols=2)
best = {name: found[1].mean(1).max() for name, found in results.items()}
fig.set_label(
    "Expected reward by learning rate, mean of eight runs; a line spans them. At the "
    f"best rate, after {UPDATES} updates: "
    + ", ".join(f"{value:.3f} with {name}" for name, value in best.items())
    + ". Without a baseline, rates above 4 leave runs stuck at lower rewards."
)
rate = RATES.index(16)
large = {name: found[1][rate] for name, found in results.items()}
measured = {"offset_best": best["no baseline, reward + 1"]}
measured |= {
    "none_best": best["no baseline"],
    "none_large": large["no baseline"].mean(),
}
measured |= {"rloo_large": large["RLOO"].amin(), "rloo_best": best["RLOO"]}
assert measured["rloo_large"] > 0.99 > 0.9 > measured["none_large"]
assert measured["offset_best"] < measured["none_best"] < measured["rloo_large"]
