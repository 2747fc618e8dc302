"""
How alike the losses are on fresh and on stale answers
======================================================

Figure of :doc:`/alignment/beyond_grpo`: the angle between the gradient of each loss and
that of GRPO, on one batch, after more and more steps on this batch.
"""

from functools import partial

import matplotlib.pyplot as plt
import torch

from snippets.alignment import beyond_grpo_losses as losses
from snippets.alignment.digit_policy import LONGEST, DigitPolicy
from snippets.alignment.digit_training import draw, train, update
from snippets.alignment.grpo import grpo_loss

SEEDS, BATCHES, STEPS = (3, 4, 5, 6, 7), 20, 8
METHODS = {
    "Dr. GRPO": partial(losses.dr_grpo_loss, longest=LONGEST),
    "DAPO": losses.dapo_loss,
    "GSPO": partial(losses.gspo_loss, low=0.03, high=0.04),
    "SAPO": losses.sapo_loss,
    "CISPO": losses.cispo_loss,
}


def gradients(policy, batch):
    """Of GRPO, then of each method: one vector of all weights."""
    log_probs = policy.log_probs(batch.prompts, batch.tokens)
    inputs = log_probs, batch.old_log_probs, batch.advantages, batch.mask
    found = []
    for loss in (grpo_loss, *METHODS.values()):
        weights = list(policy.parameters())
        parts = torch.autograd.grad(loss(*inputs), weights, retain_graph=True)
        found.append(torch.cat([g.flatten() for g in parts]))
    ratio = (log_probs.detach() - batch.old_log_probs).exp()[batch.mask]
    return torch.stack(found), ratio


def compare(seed):
    """Cosines with GRPO: steps, methods; share of tokens out of bounds."""
    torch.manual_seed(seed)
    policy = DigitPolicy(32)
    train(policy, grpo_loss, BATCHES)
    batch = draw(policy)
    optimizer = torch.optim.Adam(policy.parameters(), 6e-3)
    cosines = []
    for _ in range(STEPS + 1):
        found, ratio = gradients(policy, batch)
        cosines.append(torch.cosine_similarity(found[1:], found[:1]))
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
ax.set(xlabel="steps on this batch", ylabel="cosine with GRPO", ylim=(None, 1.02))
fig.legend(loc="outside right upper")
ends = mean[[0, -1]].T
texts = [f"{n} {a:.2f}, {b:.2f}" for n, (a, b) in zip(METHODS, ends, strict=True)]
fig.set_label(
    "Mean cosines of five policies with GRPO's gradient, before the first step and "
    f"after {STEPS} steps: {'; '.join(texts)}."
)
last = cosines[:, -1]
measured = {"outside": outside, "dr_stale": last[:, 0].min()}
measured |= {"others_stale": last[:, 2:].max()}
assert cosines[:, 0, 2:4].min() > 0.9999
assert cosines[:, 0].min() > 0.9
assert measured["dr_stale"] > 0.75 > 0.5 > measured["others_stale"]
assert (last[:, 0] > last[:, 1]).all()
