"""
A rare answer under three upper bounds
======================================

Figure of :doc:`/alignment/beyond_grpo`: the probability of the best of fifty answers,
by batch, for three upper bounds of the ratio. Everything is computed exactly.
"""

import matplotlib.pyplot as plt
import torch

from snippets.alignment.beyond_grpo import two_sided_clip

ANSWERS, BATCHES, STEPS, RATE = 50, 16, 400, 1.0
HIGHS = (0.2, 0.28, 0.4)
chance = torch.full((ANSWERS,), 0.2, dtype=torch.float64)  # that an answer is right
chance[0], chance[1] = 0.5, 1.0  # a frequent mediocre answer, a rare best one


def learn(high):
    """Probabilities of all answers before each batch."""
    logits = torch.zeros(ANSWERS, dtype=torch.float64)
    logits[0], logits[1] = 3.0, -1.0
    logits.requires_grad_()
    found = []
    for _ in range(BATCHES + 1):
        old = logits.detach().log_softmax(0)
        found.append(old.exp())
        mean = old.exp() @ chance
        advantages = (chance - mean) / (mean * (1 - mean)).sqrt()
        for _ in range(STEPS):
            log_ratio = (logits.log_softmax(0) - old)[:, None]
            values = two_sided_clip(log_ratio, advantages, 0.2, high)[:, 0]
            loss = old.exp() @ values  # each answer as often as it is drawn
            logits.data -= RATE * torch.autograd.grad(loss, logits)[0]
    return torch.stack(found)


probs = {high: learn(high) for high in HIGHS}
best = {high: p[:, 1] for high, p in probs.items()}
passed = {high: int((p > 0.5).int().argmax()) for high, p in best.items()}

fig, ax = plt.subplots(figsize=(5.6, 3.0), layout="constrained")
for n, (high, share) in enumerate(best.items()):
    style = f"C{n}" + ["-o", "--s", ":^"][n]
    ax.semilogy(share, style, markersize=4, label=f"upper bound {1 + high:.2f}")
ax.set(xlabel="batches", ylabel="probability, best answer")
ax.set_xticks(range(0, BATCHES + 1, 4))
ax.legend()
fig.set_label(
    f"Probability of the best answer on a logarithmic axis, from {best[0.2][0]:.4f}. "
    "The curves rise to almost 1. They pass one half "
    + ", ".join(f"after {b} batches (bound {1 + h:.2f})" for h, b in passed.items())
    + "."
)
measured = {"start_best": best[0.2][0]}
measured |= {"most_20": (best[0.2][1:] / best[0.2][:-1]).max()}
for high, share in best.items():
    growth = (share[1:6] / share[:5]).median()  # of the first five batches
    assert abs(growth - (1 + high)) < 0.02
    assert (share[1:] > share[:-1]).all()
assert passed[0.2] > passed[0.28] > passed[0.4] > 0
