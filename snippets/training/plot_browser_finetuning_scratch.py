"""
The same training from random weights
=====================================

A figure of :doc:`/training/browser_finetuning`: without pre-training, the model learns
the form of the answers, and the most frequent ones.
"""

from collections import Counter

import matplotlib.pyplot as plt
import torch

from snippets.training.country_facts import ASKED
from snippets.training.country_task import load_task
from snippets.training.finetuning_curves import draw, measure
from snippets.training.small_neox import GPTNeoX, Size

torch.manual_seed(0)
task = load_task()
curves = measure(GPTNeoX(Size(), seed=0), task)
usual = {
    kind: Counter(p.answer for p in task.asked if p.kind == kind).most_common(1)[0][0]
    for kind in ASKED
}
guesses = [usual[pair.kind] == pair.answer for pair in task.held_out]
guess = sum(guesses) / len(guesses)

fig, axes = plt.subplots(1, 3, figsize=(6.8, 2.9), layout="constrained")
draw(axes, task, curves)
axes[2].set_ylim(0, 8)
axes[1].axhline(guess, color="0.5", linestyle=":", label="frequent answer")
axes[1].legend(fontsize=7)
after = curves.match[-1].mean()
fig.set_label(
    f"Random weights. Left: the loss on answers falls from {curves.loss[0]:.1f} to "
    f"{curves.loss[-10:].mean():.1f} nats. Middle: held-out exact match reaches "
    f"{after:.0%}; the most frequent answer to each kind of question is right for "
    f"{guess:.0%}. Right: the loss on new prose goes from {curves.prose[0]:.1f} to "
    f"{curves.prose[-1]:.1f} nats."
)
measured = {"scratch": after, "guess": guess, "scratch_loss": curves.loss[-10:].mean()}
assert after < 0.1
