"""
Fine-tuning a pre-trained model on questions and answers
========================================================

A figure of :doc:`/training/browser_finetuning`: the loss on answers, right answers
about countries whose questions are held out, and the loss on prose.
"""

import matplotlib.pyplot as plt
import torch

from snippets.training.browser_finetuning import exact_match
from snippets.training.country_task import load_model, load_task
from snippets.training.finetuning_curves import (
    OTHER_WORDS,
    by_kind,
    draw,
    filled,
    measure,
    sentences_completed,
)

torch.manual_seed(0)
task, model = load_task(), load_model()
known = sentences_completed(model, task)
curves = measure(model, task)
other_words = exact_match(model, task.tokenizer, filled(OTHER_WORDS, task))
kinds = by_kind(task, curves.match)
before, after = curves.match[0].mean(), curves.match[-1].mean()

fig, axes = plt.subplots(1, 3, figsize=(6.8, 2.9), layout="constrained")
draw(axes, task, curves)
axes[2].set_ylim(0, 1.2)
axes[1].legend(fontsize=7)
fig.set_label(
    f"Pre-trained weights. Left: the loss on answers falls from {curves.loss[0]:.1f} "
    f"to {curves.loss[-10:].mean():.3f} nats. Middle: held-out exact match rises from "
    f"{before:.0%} to {after:.0%}. Right: the loss on new prose rises from "
    f"{curves.prose[0]:.2f} to {curves.prose[-1]:.2f} nats."
)
measured = {"before": before, "after": after, "at_50": curves.match[1].mean()}
measured["language"] = kinds["language"][-1]
assert measured["language"] == min(share[-1] for share in kinds.values())
measured |= {"known": known.mean(), "other_words": other_words.mean()}
measured["known_after"] = sentences_completed(model, task).mean()
asked = {pair.answer for pair in task.asked}
unseen = [pair.answer not in asked for pair in task.held_out]
measured["unseen"] = curves.match[-1][torch.tensor(unseen)].mean()
measured["perplexity_before"] = curves.prose[0].exp()
measured["perplexity_after"] = curves.prose[-1].exp()
assert known.mean() > 0.9
assert other_words.mean() < after - 0.2
assert before < 0.02
assert min(after, measured["unseen"]) > 0.6
assert measured["known_after"] < known.mean() - 0.05
assert curves.prose[-1] > 1.5 * curves.prose[0]
assert curves.prose[1] > 0.9 * curves.prose[-1]  # after 25 steps
