"""
RLOO with a KL penalty comes close to the optimum and keeps all first tokens
============================================================================

A figure of :doc:`/alignment/policy_gradients`: reward and KL divergence of trained
policies on the exact curve of optima, and how many first tokens the policies keep.
"""

import matplotlib.pyplot as plt
import torch

from snippets.alignment import step_policy as steps
from snippets.alignment.policy_gradients import (
    leave_one_out,
    penalized_rewards,
    policy_gradient_loss,
)

PRICES, SEEDS, ANSWERS, UPDATES, RATE = (0.0, 0.02, 0.05, 0.1, 0.2), 8, 16, 300, 8
SETTINGS = {price: (price, ANSWERS) for price in PRICES} | {"many": (0.0, 128)}
uniform = torch.zeros(steps.VOCAB + 1, steps.VOCAB)


def kinds(logits: torch.Tensor) -> torch.Tensor:
    """Effective number of first tokens: exponential of their entropy."""
    first = logits[..., steps.START, :].log_softmax(-1)
    return (-(first.exp() * first).sum(-1)).exp()


torch.manual_seed(0)
trained, kept = {}, {}
for name, (price, count) in SETTINGS.items():
    logits, kept[name] = uniform.repeat(SEEDS, 1, 1).requires_grad_(), []
    for _ in range(UPDATES):
        answers = steps.sample(logits, count)
        log_probs = steps.step_log_probs(logits, answers)
        reference = torch.full_like(log_probs, 1 / steps.VOCAB).log()
        rewards = steps.step_rewards(answers)
        rewards = penalized_rewards(rewards, log_probs, reference, price)
        advantages = rewards - leave_one_out(rewards)
        loss = policy_gradient_loss(log_probs, advantages).sum()
        (gradient,) = torch.autograd.grad(loss, logits)
        with torch.no_grad():
            logits -= RATE * gradient
        kept[name].append(kinds(logits.detach()))
    trained[name] = logits.detach()
    kept[name] = torch.stack(kept[name])

fig, (left, right) = plt.subplots(1, 2, figsize=(6.8, 3.3), layout="constrained")
optima = [steps.penalized_optimum(x) for x in torch.logspace(1, -2, 200).tolist()]
curve = torch.stack(optima)
left.plot(steps.divergence(curve, uniform), steps.expected_reward(curve), "0.5")
for number, price in enumerate(PRICES):
    reached = steps.expected_reward(trained[price])
    style = f"C{number}" + "xo^sv"[number]
    distance = steps.divergence(trained[price], uniform)
    left.plot(distance, reached, style, label=f"β = {price:g}")
left.set(xlabel="KL divergence, nats", ylabel="expected reward", ylim=(0, 1.05))
above = {"fontsize": 9, "loc": "lower center", "bbox_to_anchor": (0.5, 1)}
left.legend(ncols=3, **above)
lines = {0.02: "β = 0.02", "many": "β = 0, 128 answers", 0.0: "β = 0"}
for (name, label), color in zip(lines.items(), ("C1", "0.5", "C0"), strict=True):
    right.plot(kept[name], color, linewidth=0.8)
    right.plot([], [], color, label=label)
right.set(xlabel="updates", ylabel="effective first tokens", ylim=(0, 8.4))
right.legend(ncols=2, **above)
best = torch.stack([steps.penalized_optimum(x) for x in PRICES[1:]])
means = torch.stack([steps.expected_reward(trained[x]).mean() for x in PRICES[1:]])
measured = {"collapsed": kept[0.0][-1].mean(), "kept": kept[0.02][-1].min()}
measured["many"] = kept["many"][-1].mean()
measured["gap"] = (steps.expected_reward(best) - means).abs().max()
fig.set_label(
    "Left: policies trained with four positive β lie close to the curve of optima; "
    "those with β = 0 lie right of its end. Right: of eight first tokens, "
    f"{measured['collapsed']:.1f} are left on average without a penalty, "
    f"{measured['many']:.1f} with 128 answers for each update, and at least "
    f"{measured['kept']:.2f} with β = 0.02."
)
assert measured["gap"] < 0.01
assert measured["collapsed"] < 4 < measured["many"] < 7.8 < measured["kept"]
