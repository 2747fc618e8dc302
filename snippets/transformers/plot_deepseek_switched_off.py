"""
A small DeepSeek model with each piece switched off
===================================================

A figure of :doc:`/transformers/deepseek`. Small models learn a language in which the
first token of a text names the rule of the others: with all pieces, and with each piece
switched off in turn. Curves of three seeds.
"""

import matplotlib.pyplot as plt
import torch

from snippets.transformers.deepseek_training import VARIANTS, Lessons, train
from snippets.transformers.topic_language import ideal_loss

SEEDS, MARKS = [40, 41, 42], [30, 60, 90, 120, 160, 200, 240, 280]
lessons = [Lessons(seed, topics=4, steps=1) for seed in SEEDS]
blind = [ideal_loss(x.rules, x.tests, topic_known=False) - x.floor for x in lessons]
blind = torch.stack(blind).mean()
runs = [train(name, SEEDS, MARKS) for name in VARIANTS]
excess = torch.stack(runs)  # (variants, marks, seeds)

fig, axes = plt.subplots(1, 5, figsize=(7.2, 2.7), layout="constrained", sharey=True)
for ax, name, curves in zip(axes, VARIANTS, excess, strict=True):
    ax.plot(MARKS, curves, "C0.-", lw=1)
    ax.axhline(blind, ls="--", color="0.5")
    ax.set(title=name, ylim=(0, 1), xlim=(0, MARKS[-1] + 20), xticks=(0, MARKS[-1]))
    ax.title.set_size(10)
axes[0].set_ylabel("loss above the ideal (nats)")
axes[2].set_xlabel("training steps")
end = excess[:, -1]
fig.set_label(
    f"Five panels with three falling curves each; a dashed line at {blind:.2f}. After "
    f"step {MARKS[-1]}, all curves are between {end.min():.3f} and {end.max():.3f}."
)
means = end.mean(dim=1)
spread = (end.amax(dim=1) - end.amin(dim=1)).max()
assert end.max() < 0.1 * blind
measured = {
    "blind": blind,
    "least": end.min(),
    "most": end.max(),
    "apart": means.max() - means.min(),
    "spread": spread,
}
