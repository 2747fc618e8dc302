"""
Bias and spread of the gradient, by the critic and lambda
=========================================================

Figure of :doc:`/alignment/ppo`: in a task whose gradient and values are known exactly,
estimates of the policy gradient with three critics and generalized advantages.
"""

import matplotlib.pyplot as plt
import torch

from snippets.alignment.step_policy import (
    LENGTH,
    VOCAB,
    expected_reward,
    last_tokens,
    sample,
    step_rewards,
)
from snippets.alignment.step_values import earned, exact_values, look_up
from snippets.alignment.token_advantages import gae, token_rewards

torch.manual_seed(0)
ANSWERS, BATCH, ERROR = 40000, 64, 0.1
lams = torch.tensor([0, 0.2, 0.4, 0.6, 0.7, 0.8, 0.9, 0.95, 1]).tolist()

logits = 0.5 * torch.randn(VOCAB + 1, VOCAB)
logits[:-1] += torch.eye(VOCAB).roll(1, 1)  # a policy that has learned a little
logits.requires_grad_()
(exact,) = torch.autograd.grad(expected_reward(logits), logits)
logits = logits.detach()

tokens = sample(logits[None], ANSWERS)[0]
mask, scores = torch.ones_like(tokens).bool(), step_rewards(tokens)
rewards = token_rewards(scores, mask)
so_far = earned(tokens).cumsum(-1) - earned(tokens)  # before each token
ideal = so_far + look_up(exact_values(logits), tokens)
wrong = look_up(ERROR * torch.randn(LENGTH, VOCAB + 1), tokens)
critics = {"exact values": ideal, "values with errors": ideal + wrong}
critics["mean reward"] = scores.mean().expand_as(ideal)

score = torch.eye(VOCAB)[tokens] - logits.softmax(-1)[last_tokens(tokens)]
cells = torch.eye(VOCAB + 1)[last_tokens(tokens)]


def errors(values: torch.Tensor, lam: float) -> tuple[torch.Tensor, torch.Tensor]:
    """Bias and standard deviation of an estimate, in lengths of the exact gradient."""
    advantages = gae(rewards, values, mask, lam=lam)
    estimates = torch.einsum("nts,ntv->nsv", cells * advantages[..., None], score)
    variance = estimates.var(0).sum()
    # even an unbiased mean of finitely many answers is off, by chance
    bias = (estimates.mean(0) - exact).square().sum() - variance / ANSWERS
    return bias.clamp(min=0).sqrt() / exact.norm(), variance.sqrt() / exact.norm()


found = torch.tensor([[errors(v, lam) for lam in lams] for v in critics.values()])
bias, spread = found.unbind(-1)
typical = (bias.square() + spread.square() / BATCH).sqrt()
fig, axes = plt.subplots(1, 2, figsize=(6.8, 3.3), layout="constrained", sharey=True)
for ax, numbers in zip(axes, (bias, typical), strict=True):
    for n, (name, row) in enumerate(zip(critics, numbers, strict=True)):
        ax.plot(lams, row, f"C{n}" + ["o-", "s--", "^:"][n], label=name)
    ax.set(xlabel=r"$\lambda$", ylim=(-0.03, 1))
axes[0].set(ylabel="relative to the exact", title="bias")
axes[1].set(title=f"typical error of {BATCH} answers")
fig.legend(*axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=3)
best = [lams[at] for at in typical.argmin(1)]
fig.set_label(
    f"Left: the bias falls from lambda 0 to 1, with errors from {bias[1, 0]:.2f} to "
    f"{bias[1, -1]:.2f}, with the mean reward from {bias[2, 0]:.2f} to "
    f"{bias[2, -1]:.2f}; with exact values it is at most {bias[0].max():.2f}. Right: "
    f"the typical error is least at lambda {best[0]:.1f} with exact values, "
    f"{best[1]:.1f} with errors, and {best[2]:.1f} with the mean reward."
)
measured = {"bias_errors": bias[1, 0], "bias_one": bias[:, -1].max()}
measured |= {"spread_exact": spread[0, 0], "spread_mean": spread[2, -1]}
measured |= {"best_errors": best[1], "best_mean": best[2]}
assert bias[:, -1].max() < 0.05 < 0.4 < bias[1:, 0].min()
assert best[0] == 0 < max(best[1:]) < 1
