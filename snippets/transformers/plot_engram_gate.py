"""
The gate is high where two words begin a phrase
===============================================

A figure of :doc:`/transformers/engram`. Small transformers with a memory learn texts
with stock phrases. For one model, the gate at each word of three texts; for three
models, its mean where the last two words begin a phrase, at the last words of phrases,
and elsewhere.
"""

import matplotlib.pyplot as plt
import torch

from snippets.transformers.engram import Engram
from snippets.transformers.phrase_training import Ungated, gates, learn_phrases
from snippets.transformers.stock_phrases import (
    ends_in,
    named_next,
    phrase_ids,
    word_ids,
)

SENTENCES = [
    "diana could tame alexander the great horse by the way i am",
    "the media study princess of wales in nick of time the impact",
    "this fan of love analyzes the milky way and the great study",
]
trained, ungated = (learn_phrases(kind, [0, 1, 2]) for kind in (Engram, Ungated))
named, last, other = torch.empty(3, 3)
for i, (model, text) in enumerate(zip(trained.models, trained.held_out, strict=True)):
    begins, gate = named_next(text), gates(model, text)
    ends = ends_in(text, phrase_ids()) & ~begins
    named[i], last[i] = gate[begins].mean(), gate[ends].mean()
    other[i] = gate[~begins & ~ends].mean()

shown = torch.cat([word_ids(sentence) for sentence in SENTENCES])
gate, begins = gates(trained.models[0], shown), named_next(shown)
fig, axes = plt.subplots(3, 1, figsize=(6.6, 3.8), layout="constrained", sharey=True)
for row, (ax, sentence) in enumerate(zip(axes, SENTENCES, strict=True)):
    colors = ["C1" if begin else "C0" for begin in begins[row]]
    ax.bar(range(shown.shape[1]), gate[row], color=colors)
    ax.set_xticks(range(shown.shape[1]), sentence.split(), size=8)
    ax.set(ylim=(0, 1), xlim=(-0.6, shown.shape[1] - 0.4))
axes[1].set_ylabel("gate")
fig.set_label(
    "Bars for the gate at the words of three texts. At the "
    f"{int(begins.sum())} words in another color, each the second of a phrase, it is "
    f"between {gate[begins].min():.2f} and {gate[begins].max():.2f}; at the others, "
    f"the mean is {gate[~begins].mean():.2f} and the largest "
    f"{gate[~begins].max():.2f}."
)
gain = ungated.losses - trained.losses
assert (named > other + 0.4).all()
assert (named > last + 0.2).all()
assert gate[begins].mean() > 0.8
assert (gain > 0).all()
assert gain.max() < 0.02
measured = {"named_low": named.min(), "last": last.mean(), "other_high": other.max()}
measured["loss_phrases"] = trained.losses.mean()
measured |= {"gain_low": gain.min(), "gain_high": gain.max()}
