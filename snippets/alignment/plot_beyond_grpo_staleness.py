"""
How alike the losses are on fresh and on stale answers
======================================================

Figure of :doc:`/alignment/beyond_grpo`: the angle between the gradient of each loss and
that of GRPO, on one batch, after more and more steps on this batch.
"""

from functools import partial

import matplotlib.pyplot as plt
import torch

from snippets.alignment import beyond_grpo as beyond
from snippets.alignment.digit_policy import LONGEST, DigitPolicy
from snippets.alignment.digit_training import draw, train, update
from snippets.alignment.grpo import grpo_loss

SEEDS, BATCHES, STEPS = (3, 4, 5), 20, 8
METHODS = {
    "Dr. GRPO": partial(beyond.dr_grpo_loss, longest=LONGEST),
    "DAPO": beyond.dapo_loss,
    "GSPO": partial(beyond.gspo_loss, low=0.03, high=0.04),
    "SAPO": beyond.sapo_loss,
    "CISPO": beyond.cispo_loss,
}


def gradient(policy, batch, loss):
    """One vector of all weights."""
    log_probs = policy.log_probs(batch.prompts, batch.tokens)
    value = loss(log_probs, batch.old_log_probs, batch.advantages, batch.mask)
    found = torch.autograd.grad(value, list(policy.parameters()))
    return torch.cat([g.flatten() for g in found])


def compare(seed):
    """Cosines with GRPO: steps, methods; share of tokens out of bounds."""
    torch.manual_seed(seed)
    policy = DigitPolicy(32)
    train(policy, grpo_loss, BATCHES)
    batch = draw(policy)
    optimizer = torch.optim.Adam(policy.parameters(), 6e-3)
    cosines = []
    for _ in range(STEPS + 1):
        own = gradient(policy, batch, grpo_loss)
        others = torch.stack([gradient(policy, batch, f) for f in METHODS.values()])
        cosines.append(torch.cosine_similarity(others, own[None]))
        with torch.no_grad():
            log_probs = policy.log_probs(batch.prompts, batch.tokens)
        ratio = (log_probs - batch.old_log_probs).exp()[batch.mask]
        update(policy, optimizer, batch, grpo_loss, steps=1)
    return torch.stack(cosines), ((ratio - 1).abs() > 0.2).float().mean()


found = [compare(seed) for seed in SEEDS]
cosines = torch.stack([c for c, _ in found])  # seeds, steps, methods
outside = torch.stack([share for _, share in found]).mean()
mean = cosines.mean(0)

fig, ax = plt.subplots(figsize=(6.8, 3.0), layout="constrained")
for n, name in enumerate(METHODS):
    style = f"C{n}" + ["-o", "--s", ":^", "-.v", "-D"][n]
    ax.plot(mean[:, n], style, markersize=4, label=name)
ax.set(xlabel="steps on this batch", ylabel="cosine with GRPO")
ax.set_ylim(top=1.02)
fig.legend(loc="outside right upper")
ends = mean[[0, -1]].T
texts = [f"{n} {a:.2f}, {b:.2f}" for n, (a, b) in zip(METHODS, ends, strict=True)]
fig.set_label(
    "Mean cosines of three policies with GRPO's gradient, before the first step and "
    f"after {STEPS} steps: {'; '.join(texts)}."
)
measured = {"outside": outside}
measured |= {"dr_fresh": mean[0, 0], "dr_stale": mean[-1, 0]}
measured |= {"dapo_stale": mean[-1, 1]}
measured |= {"gspo_stale": mean[-1, 2], "sapo_stale": mean[-1, 3]}
measured |= {"cispo_stale": mean[-1, 4]}
assert cosines[:, 0, 2:4].min() > 0.9999
assert mean[-1, 0] > mean[-1, 1] > mean[-1, 2:].max() + 0.1
