"""
In a small model, seeds differ more than pieces
===============================================

Two figures of :doc:`/transformers/deepseek`. Small models learn a language in which the
first token of a text names the rule of the others: with all pieces, and with each piece
switched off in turn. Curves of three seeds, then the losses after the last step.
"""

import matplotlib.pyplot as plt
import torch

from snippets.transformers.deepseek_training import VARIANTS, Lessons, train
from snippets.transformers.topic_language import ideal_loss

SEEDS, MARKS = [0, 1, 2], [20, 40, 60, 80, 100, 120, 140]
lessons = [Lessons(seed, topics=4, steps=1) for seed in SEEDS]
blind = [ideal_loss(x.rules, x.tests, topic_known=False) - x.floor for x in lessons]
blind = torch.stack(blind).mean()
runs = [train(name, SEEDS, MARKS) for name in VARIANTS]
excess = torch.stack([run.excess for run in runs])  # (variants, marks, seeds)

fig, axes = plt.subplots(1, 5, figsize=(7.2, 2.7), layout="constrained", sharey=True)
for ax, name, curves in zip(axes, VARIANTS, excess, strict=True):
    for seed in SEEDS:
        ax.plot(MARKS, curves[:, seed], f"C{seed}.-", label=f"seed {seed}")
    ax.axhline(blind, ls="--", color="0.5")
    ax.set(title=name, ylim=(0, 0.9), xlim=(0, MARKS[-1] + 10), xticks=(0, MARKS[-1]))
    ax.title.set_size(10)
axes[0].set_ylabel("loss above the ideal (nats)")
axes[2].set_xlabel("training steps")
axes[0].legend(fontsize=7, loc=(0.3, 0.5))
end = excess[:, -1]
fig.set_label(
    f"Five panels with three falling curves each, below a dashed line at {blind:.2f}. "
    f"After step {MARKS[-1]}, all of them are between {end.min():.2f} and "
    f"{end.max():.2f}."
)

# %%
# After the last step
# -------------------

fig, ax = plt.subplots(figsize=(6, 2.6), layout="constrained")
for seed in SEEDS:
    ax.plot(end[:, seed], range(5), f"C{seed}o", label=f"seed {seed}", alpha=0.8)
ax.plot(end.mean(dim=1), range(5), "|", color="0.5", ms=12, mew=2, label="mean")
ax.set_yticks(range(5), VARIANTS)
ax.set(xlabel="loss above the ideal (nats)", xlim=(0, 1.1 * end.max()))
ax.invert_yaxis()
fig.legend(loc="outside right", fontsize=8)
parts = [f"{low:.3f} to {high:.3f} with {name}" for low, high, name in zip(
    end.amin(dim=1), end.amax(dim=1), VARIANTS, strict=True)]  # fmt: skip
fig.set_label(f"Dots of three seeds for each variant: {', '.join(parts)}.")

apart = end.mean(dim=1).max() - end.mean(dim=1).min()
seeds_apart = (end.amax(dim=1) - end.amin(dim=1)).max()
assert end.max() < 0.2 * blind
assert apart < seeds_apart
measured = {
    "blind": blind,
    "apart": apart,
    "seeds_apart": seeds_apart,
    "least": end.min(),
    "most": end.max(),
    "still_falling": (excess[:, -2] - end).max(),
    "all_pieces": end[VARIANTS.index("all pieces")].mean(),
    "no_mtp": end[VARIANTS.index("no MTP")].mean(),
    "accepted": runs[0].accepted.mean(),
    "accepted_least": runs[0].accepted.min(),
}
