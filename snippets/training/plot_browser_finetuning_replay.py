"""
Replay keeps what was learned before
====================================

A figure of :doc:`/training/browser_finetuning`: a quarter of each batch is prose of
pre-training, and the model forgets less.
"""

import matplotlib.pyplot as plt
import torch

from snippets.training.country_task import load_model, load_task
from snippets.training.finetuning_curves import draw, measure, sentences_completed

torch.manual_seed(0)
task, model = load_task(), load_model()
curves = measure(model, task, replay=True)
after = curves.match[-1].mean()

fig, axes = plt.subplots(1, 3, figsize=(6.8, 2.9), layout="constrained")
draw(axes, task, curves)
axes[2].set_ylim(0, 1.2)
axes[1].legend(fontsize=7)
fig.set_label(
    "Pre-trained weights, with replay. Left: the mean of both losses falls from "
    f"{curves.loss[0]:.1f} to {curves.loss[-10:].mean():.2f} nats. Middle: held-out "
    f"exact match reaches {after:.0%}. Right: the loss on new prose ends at "
    f"{curves.prose[-1]:.2f} nats, after {curves.prose[0]:.2f} before."
)
measured = {"replay": after, "replay_perplexity": curves.prose[-1].exp()}
measured["replay_known"] = sentences_completed(model, task).mean()
assert after > 0.6
assert curves.prose[-1] < 1.5 * curves.prose[0]
