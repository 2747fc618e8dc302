"""
The same text, masked eight times
=================================

A figure of :doc:`/transformers/bert`. Which tokens are picked in eight passes over one
text, and what the model reads in their place.
"""

import matplotlib.pyplot as plt
import torch

from snippets.transformers.masked_language_modeling import IGNORED, mask_tokens

PASSES = 8
SENTENCE = "she opened the old bottle with a corkscrew"
text = ["[CLS]", *SENTENCE.split(), "[SEP]"]
vocabulary = ["[MASK]", "[CLS]", "[SEP]", *sorted(set(SENTENCE.split()))]
ids = torch.tensor([vocabulary.index(word) for word in text]).expand(PASSES, -1)
generator = torch.Generator().manual_seed(43)
special = ids < 3
options = dict(mask_id=0, vocab=len(vocabulary), generator=generator)
inputs, labels = mask_tokens(ids, special=special, **options)

fig, ax = plt.subplots(figsize=(6.4, 3.2), layout="constrained")
picked, kinds = labels != IGNORED, torch.zeros_like(ids)
kinds[picked & (inputs == ids)] = 1
kinds[picked & (inputs != ids)] = 2
kinds[inputs == 0] = 3
for row in range(PASSES):
    for column, word in enumerate(vocabulary[i] for i in inputs[row]):
        kind = kinds[row, column]
        if kind:
            corner = (column - 0.48, row - 0.4)
            color = f"C{kind - 1}"
            ax.add_patch(plt.Rectangle(corner, 0.96, 0.8, fc=color, alpha=0.3))
            ax.add_patch(plt.Rectangle(corner, 0.96, 0.8, fc="none", ec=color))
        ax.text(column, row, word, ha="center", va="center", size=7.5)
for kind, name in enumerate(("kept", "random token", "[MASK]")):
    ax.add_patch(plt.Rectangle((0, 0), 0, 0, color=f"C{kind}", alpha=0.5, label=name))
ax.set(xlim=(-0.6, len(text) - 0.4), ylim=(PASSES - 0.4, -0.6), ylabel="pass")
ax.set_yticks(range(PASSES), range(1, PASSES + 1))
ax.set_xticks([])
ax.spines[:].set_visible(False)
ax.tick_params(length=0)
fig.legend(loc="outside lower center", ncols=3)
count = [(kinds == kind).sum().item() for kind in (1, 2, 3)]
fig.set_label(
    f"Eight rows with the sentence {SENTENCE} between [CLS] and [SEP]. "
    f"{picked.sum()} of {(~special).sum()} words are picked and colored: {count[2]} "
    f"became [MASK], {count[1]} a random token, and {count[0]} are kept. [CLS] and "
    "[SEP] are never picked."
)
assert not picked[special].any()
