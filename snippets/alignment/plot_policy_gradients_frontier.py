"""
RLOO with a KL penalty reaches the optimum and keeps what is not rewarded
=========================================================================

A figure of :doc:`/alignment/policy_gradients`: reward and KL divergence of trained
policies on the exact curve of optima, and how many first tokens the policies keep.
"""

import math

import matplotlib.pyplot as plt
import torch

from snippets.alignment import step_policy as steps
from snippets.alignment.policy_gradients import (
    leave_one_out,
    penalized_rewards,
    policy_gradient_loss,
)

PRICES, SEEDS, ANSWERS, UPDATES, RATE = (0.0, 0.02, 0.05, 0.1, 0.2), 8, 16, 300, 8
uniform = torch.zeros(steps.VOCAB + 1, steps.VOCAB)


def kinds(logits: torch.Tensor) -> torch.Tensor:
    """Effective number of first tokens: exponential of their entropy."""
    first = logits[..., steps.START, :].log_softmax(-1)
    return (-(first.exp() * first).sum(-1)).exp()


torch.manual_seed(0)
trained, kept = {}, {}
for price in PRICES:
    logits, kept[price] = uniform.repeat(SEEDS, 1, 1).requires_grad_(), []
    for _ in range(UPDATES):
        answers = steps.sample(logits, ANSWERS)
        log_probs = steps.step_log_probs(logits, answers)
        reference = torch.full_like(log_probs, -math.log(steps.VOCAB))
        rewards = steps.step_rewards(answers)
        rewards = penalized_rewards(rewards, log_probs, reference, price)
        advantages = rewards - leave_one_out(rewards)
        loss = policy_gradient_loss(log_probs, advantages).sum()
        (gradient,) = torch.autograd.grad(loss, logits)
        with torch.no_grad():
            logits -= RATE * gradient
        kept[price].append(kinds(logits.detach()))
    trained[price] = logits.detach()
    kept[price] = torch.stack(kept[price])

fig, (left, right) = plt.subplots(1, 2, figsize=(6.8, 3.0), layout="constrained")
curve = torch.stack(
    [steps.penalized_optimum(x) for x in torch.logspace(1, -2, 200).tolist()]
)
left.plot(steps.divergence(curve, uniform), steps.expected_reward(curve), "0.5")
points = {}
for number, (price, logits) in enumerate(trained.items()):
    point = steps.divergence(logits, uniform), steps.expected_reward(logits)
    left.plot(*point, f"C{number}" + "xo^sv"[number], label=f"β = {price:g}")
    points[price] = [x.mean() for x in point]
left.set(xlabel="KL divergence, nats", ylabel="expected reward", ylim=(0, 1.05))
left.legend(fontsize=9, loc="lower right")
for number, price in enumerate(PRICES[:2]):
    right.plot(kept[price], f"C{number}", linewidth=0.8)
    right.plot([], [], f"C{number}", label=f"β = {price:g}")
right.set(xlabel="updates", ylabel="effective first tokens", ylim=(0, 8.4))
right.legend(fontsize=9, loc=(0.45, 0.68))
best = [steps.expected_reward(steps.penalized_optimum(x)) for x in PRICES[2:]]
gap = [abs(b - points[x][1]) for b, x in zip(best, PRICES[2:], strict=True)]
measured = {"collapsed": kept[0.0][-1].mean(), "kept": kept[0.02][-1].min()}
measured |= {"collapsed_high": kept[0.0][-1].max(), "gap": max(gap)}
fig.set_label(
    "Left: policies trained with four positive β lie on the curve of optima; those "
    f"with β = 0 lie to the right of its end, at {points[0.0][0]:.1f} nats. Right: "
    f"of eight first tokens, {measured['collapsed']:.1f} are left on average without "
    f"a penalty, and at least {measured['kept']:.2f} with β = 0.02."
)
assert measured["gap"] < 0.01
assert measured["collapsed"] < 4 < 7.8 < measured["kept"]
