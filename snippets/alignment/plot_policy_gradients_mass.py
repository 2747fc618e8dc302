"""
Probability moves to the reward as its penalty falls
====================================================

Animation for :doc:`/alignment/policy_gradients`: the optimum of reward minus KL penalty
for falling prices of the penalty, on three answers, and its place on the curve of
reward against KL divergence.
"""

import matplotlib.pyplot as plt
import torch
from matplotlib.animation import FuncAnimation

from snippets.alignment.policy_gradients import (
    kl_divergence,
    regularized_reward,
    tilted,
)

UPDATES = 3000
probs = torch.tensor([0.6, 0.3, 0.1], dtype=torch.float64)
reference, rewards = probs.log(), torch.tensor([5, 6, 8], dtype=torch.float64)
PRICES = [10, 5, 3, 2, 1.5, 1, 0.7, 0.5, 0.3, 0.2]
policies = torch.stack([tilted(reference, rewards, price) for price in PRICES])
means = policies.exp() @ rewards
distances = kl_divergence(policies, reference.expand_as(policies))

logits = reference.repeat(len(PRICES), 1).requires_grad_()
prices = torch.tensor(PRICES, dtype=torch.float64)
for _ in range(UPDATES):  # plain gradient ascent, from the reference
    current = logits.log_softmax(-1)
    value = current.exp() @ rewards - prices * kl_divergence(current, reference)
    (gradient,) = torch.autograd.grad(value.sum(), logits)
    with torch.no_grad():
        logits += gradient / prices[:, None]
variation = (logits.softmax(-1) - policies.exp()).abs().sum(-1).detach() / 2
single = regularized_reward(policies[3], reference, rewards, PRICES[3])
assert torch.isclose(value[3].detach(), single)

fig, (left, right) = plt.subplots(1, 2, figsize=(6.8, 2.8), layout="constrained")
bars = left.bar(range(3), probs, color="C0", width=0.6)
left.hlines(probs, torch.arange(3) - 0.35, torch.arange(3) + 0.35, "C3", lw=2)
left.set_xticks(
    range(3), [f"{a}: {r:.0f}" for a, r in zip("ABC", rewards, strict=True)]
)
left.set(ylim=(0, 1), xlabel="answer: reward", ylabel="probability")
fine = torch.logspace(2, -2, 200, dtype=torch.float64).tolist()
curve = torch.stack([tilted(reference, rewards, price) for price in fine])
right.plot(
    kl_divergence(curve, reference.expand_as(curve)), curve.exp() @ rewards, "0.5"
)
right.set(xlabel="KL divergence, nats", ylabel="mean reward")
(dot,) = right.plot([], [], "C0o", markersize=9)


def draw(frame: int) -> None:
    """The optimum for one price."""
    for bar, height in zip(bars, policies[frame].exp(), strict=True):
        bar.set_height(height)
    dot.set_data([distances[frame]], [means[frame]])
    left.set_title(f"β = {PRICES[frame]:g}", fontsize=11)


animation = FuncAnimation(fig, draw, frames=len(PRICES), interval=900)
fig.set_label(
    "Left: bars of three answers with rewards 5, 6, and 8; red lines mark the "
    f"reference. As β falls from {PRICES[0]} to {PRICES[-1]}, the probability of C "
    f"rises from {policies[0, 2].exp():.2f} to {policies[-1, 2].exp():.3f}. Right: a "
    f"dot climbs a concave curve from a mean reward of {means[0]:.2f} to "
    f"{means[-1]:.2f}, at {distances[-1]:.2f} nats."
)
measured = {"variation": variation.max()}
assert measured["variation"] < 1e-4
assert (means.diff() > 0).all()
