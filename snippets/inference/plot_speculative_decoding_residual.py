"""
Speculative decoding: what is kept, and what a rejection draws from
===================================================================

The probabilities of eight tokens under a random draft and a random target. What both
have in common is kept if the draft proposes it; a rejected guess is replaced by a token
from the residual.
"""

import matplotlib.pyplot as plt
import torch

torch.manual_seed(0)
p, q = torch.randn(2, 8).mul(1.2).softmax(dim=1)
common = torch.minimum(p, q)
rejected, residual = q - common, p - common
assert torch.isclose(rejected.sum(), residual.sum())

fig, axes = plt.subplots(1, 2, sharey=True, figsize=(6.4, 2.9))
for ax, rest, color, title, label in [
    (axes[0], rejected, "C1", "draft q", "rejected"),
    (axes[1], residual, "C0", "target p", "residual"),
]:
    ax.bar(range(8), common, color="C2", label="in common")
    ax.bar(range(8), rest, bottom=common, color=color, label=label)
    ax.set(title=title, xlabel="token", xticks=range(8))
    ax.legend()
axes[0].set(ylabel="probability", ylim=(0, 1.5 * max(p.max(), q.max())))
fig.set_label(
    "Two bar charts over eight tokens. Left: the draft's bars, split into a lower part "
    f"that is kept ({common.sum():.0%} of the probability) and an upper part that is "
    f"rejected ({rejected.sum():.0%}). Right: the target's bars, with the same lower "
    "parts and other upper parts, the residual, of the same total "
    f"({residual.sum():.0%})."
)
