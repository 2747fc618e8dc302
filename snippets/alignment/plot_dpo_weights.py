"""
How hard DPO, IPO, and KTO push, by what the policy has learned
===============================================================

A figure of :doc:`/alignment/dpo`: left, the size of the gradient of DPO and IPO as the
margin of a pair grows; right, that of KTO as the log ratio of one answer grows.
"""

import matplotlib.pyplot as plt
import torch

from snippets.alignment.dpo import dpo_loss, ipo_loss, kto_loss

BETA, TAU, KL = 0.5, 0.1, 4.0

margin = torch.linspace(-16, 16, 321, dtype=torch.float64, requires_grad=True)
zero = torch.zeros_like(margin)


def push(losses):
    """Minus the derivative of each loss by its own margin or log ratio."""
    return -torch.autograd.grad(losses.sum(), margin)[0]


good = torch.ones(len(margin), dtype=torch.bool)
kl = torch.tensor(KL, dtype=torch.float64)
dpo, ipo = push(dpo_loss(margin, zero, BETA)), push(ipo_loss(margin, zero, TAU))
wanted = push(kto_loss(margin, good, kl, BETA))
unwanted = push(kto_loss(margin, ~good, kl, BETA))
x = margin.detach()

fig, (left, right) = plt.subplots(1, 2, figsize=(6.8, 3.0), layout="constrained")
left.plot(x, dpo, "C0", label=f"DPO, β = {BETA}")
left.plot(x, ipo / 50, "C1--", label=f"IPO / 50, τ = {TAU}")
left.axhline(0, color="0.5", linewidth=0.8)
left.set(xlabel="margin $h$, nats", ylabel="push on the margin, per nat")
right.plot(x, wanted, "C0", label="desirable")
right.plot(x, unwanted, "C1--", label="undesirable")
right.axhline(0, color="0.5", linewidth=0.8)
right.axvline(KL, color="0.5", linestyle=":")
right.set(xlabel="log ratio, nats", ylabel="push on the log ratio, per nat")
left.set_title("DPO and IPO: pairs")
right.set_title("KTO: single answers")
left.legend(loc="lower left", fontsize=10)
right.legend(loc="lower left", fontsize=10)
place = 1 / (2 * TAU)
fig.set_label(
    f"Left: the push of DPO is near {BETA} for a margin of -16 nats and falls to 0; "
    f"that of IPO is a line through 0 at a margin of {place:g} nats, and negative "
    f"beyond. Right: both pushes of KTO are largest in size, {wanted.max():.3f}, at "
    f"the reference point, {KL:g} nats, and near 0 far from it on either side."
)
assert abs(x[wanted.argmax()] - KL) < 0.1
assert (ipo[x > place + 0.01] < 0).all()
assert dpo[0] > 0.99 * BETA
assert (dpo.diff() < 0).all()
