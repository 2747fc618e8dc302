"""
How strongly a token pulls, by its ratio
========================================

Figure of :doc:`/alignment/beyond_grpo`: the gradient weight of a token under five
losses, for a positive and a negative advantage.
"""

import matplotlib.pyplot as plt
import torch

from snippets.alignment.beyond_grpo import capped_weight, soft_gate, two_sided_clip
from snippets.alignment.grpo import clipped_loss

ratio = torch.linspace(0.01, 4, 2001, dtype=torch.float64)


def cispo(log_ratio, advantages):
    """The log-probability is the log-ratio plus a constant: the same gradient."""
    return capped_weight(log_ratio, log_ratio, advantages, largest=1.28)


METHODS = {
    "GRPO, Dr. GRPO": clipped_loss,
    "DAPO": two_sided_clip,
    "SAPO": soft_gate,
    "CISPO, cap 1.28": cispo,
    "GSPO (whole answer)": lambda x, a: two_sided_clip(x, a, 3e-4, 4e-4),
}


def weight(values, advantage):
    """Minus the derivative by log π, divided by the advantage: one per ratio."""
    log_ratio = ratio.log()[None].requires_grad_()
    sign = torch.tensor([advantage], dtype=torch.float64)
    values(log_ratio, sign).sum().backward()
    return -log_ratio.grad[0] / advantage


fig, axes = plt.subplots(
    1, 2, figsize=(6.8, 3.5), layout="constrained", sharex=True, sharey=True
)
found = {}
for ax, advantage in zip(axes, (1.0, -1.0), strict=True):
    for n, (name, values) in enumerate(METHODS.items()):
        found[name, advantage] = weight(values, advantage)
        style = ["-", "--", "-", "-.", ":"][n]
        ax.plot(ratio, found[name, advantage], f"C{n}{style}", label=name)
    sign = "positive" if advantage > 0 else "negative"
    ax.set(title=f"{sign} advantage", xlabel="ratio", ylim=(-0.1, 2.3))
axes[0].set_ylabel("gradient weight")
fig.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)


def at(name, advantage, r):
    """Weight at the ratio next to r."""
    return found[name, advantage][(ratio - r).abs().argmin()]


peak = found["SAPO", 1.0].argmax()
top, end = found["SAPO", 1.0][peak], found["SAPO", 1.0][-1]
cap = found["CISPO, cap 1.28", 1.0].max()
fig.set_label(
    "Gradient weight by ratio, from 0 to 4. Positive advantage: GRPO and DAPO equal "
    f"the ratio up to 1.2 and 1.28, then 0; SAPO rises to {top:.2f} and falls to "
    f"{end:.2f}; CISPO equals the ratio up to {cap:.2f}, then stays there; GSPO equals "
    "it up to just above 1, "
    "then 0. Negative advantage: GRPO and DAPO are 0 below 0.8, GSPO just below 1; "
    f"above, all three equal the ratio; SAPO has {at('SAPO', -1.0, 0.5):.2f} at 0.5; "
    "CISPO is as on the left."
)
measured = {"sapo_top": top, "sapo_top_at": ratio[peak]}
assert at("GRPO, Dr. GRPO", 1.0, 1.25) == 0 < at("DAPO", 1.0, 1.25)
assert 0 < end < top
