"""
A linear model and a small encoder on the same tokens
=====================================================

A figure of :doc:`/training/code_classification`. Held-out accuracy of a small BERT
while it trains on labeled snippets, three seeds, beside logistic regression that reads
the text of the same tokens.
"""

import matplotlib.pyplot as plt
import numpy as np
import torch

from snippets.training import snippet_encoder as task
from snippets.training.code_snippets import load_snippets
from snippets.training.grouped_splits import group_split
from snippets.training.linear_runs import fit_linear

VOCAB, STEPS, EVERY, SEEDS = 1024, 200, 40, 3
texts, labels, files = load_snippets()
classes, place = np.unique(labels, return_inverse=True)
train, test = group_split(files, 0.25, np.random.default_rng(0))
tokenizer = task.code_tokenizer([texts[i] for i in train], VOCAB)
ids, right = task.padded(tokenizer, texts), torch.tensor(place)
seen = task.texts_of(tokenizer, ids)  # the text that the encoder reads
linear = fit_linear([seen[i] for i in train], [labels[i] for i in train])
found = linear.predict([seen[i] for i in test])
line = np.mean([answer == labels[i] for answer, i in zip(found, test, strict=True)])
curves = []
for seed in range(SEEDS):
    bert = task.small_bert(tokenizer, seed)
    model = task.SnippetClassifier(bert, len(classes), tokenizer.special[task.PAD])
    curve, history = [task.accuracy(model, ids[test], right[test])], []
    for loss in task.fine_tune(model, ids[train], right[train], STEPS, seed):
        history.append(loss)
        if len(history) % EVERY == 0:
            curve.append(task.accuracy(model, ids[test], right[test]))
    curves.append(curve)
curves = np.array(curves)

fig, ax = plt.subplots(figsize=(6.4, 3), layout="constrained")
steps = range(0, STEPS + 1, EVERY)
ax.plot(steps, curves.T, "C0", alpha=0.4)
ax.plot(steps, curves.mean(axis=0), "C0", lw=2, label="encoder")
ax.axhline(line, color="C1", ls="--", label="logistic regression")
ax.set(xlabel="updates", ylabel="held-out accuracy", xlim=(0, STEPS), ylim=(0, 1))
ax.yaxis.set_major_formatter("{x:.0%}")
ax.legend(loc="lower right")
last = curves[:, -1]
fig.set_label(
    f"Three curves rise, steeply at first; they end at {last.min():.1%} to "
    f"{last.max():.1%}. A dashed line above them at {line:.1%}."
)
measured = {"linear": line, "encoder": last.mean(), "encoder_range": np.ptp(last)}
measured |= {"encoder_gap": line - last.max(), "train": len(train), "test": len(test)}
measured["weights"] = sum(weight.numel() for weight in bert.parameters()) / 1000
measured["cut"] = np.mean([len(tokenizer.encode(text)) > task.SEQ for text in texts])
assert measured["encoder_gap"] > 0.03
