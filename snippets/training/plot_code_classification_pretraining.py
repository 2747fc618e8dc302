"""
Twenty labels for each language, with and without pre-training
==============================================================

A figure of :doc:`/training/code_classification`. Held-out accuracy of logistic
regression and of a small BERT, from random weights and after a short masked language
modeling; three seeds.
"""

import matplotlib.pyplot as plt
import numpy as np
import torch

from snippets.training import snippet_encoder as task
from snippets.training.code_classification import group_split
from snippets.training.code_snippets import load_snippets
from snippets.training.linear_runs import few_of_each, fit_linear

VOCAB, MASKED, STEPS, SEEDS, EACH = 1024, 100, 120, 3, 20
texts, labels, files = load_snippets()
classes, place = np.unique(labels, return_inverse=True)
train, test = group_split(files, 0.25, np.random.default_rng(0))
tokenizer = task.code_tokenizer([texts[i] for i in train], VOCAB)
ids, right = task.padded(tokenizer, texts), torch.tensor(place)
pad, seen = tokenizer.special[task.PAD], task.texts_of(tokenizer, ids)


def tuned(bert, few, seed):
    """Accuracy after fine-tuning on a few snippets."""
    model = task.SnippetClassifier(bert, len(classes), pad)
    for _ in task.fine_tune(model, ids[few], right[few], STEPS, seed):
        pass
    return task.accuracy(model, ids[test], right[test])


rows, losses = [], []
for seed in range(SEEDS):
    few = few_of_each(labels, train.tolist(), EACH, seed)
    linear = fit_linear([seen[i] for i in few], [labels[i] for i in few])
    found = linear.predict([seen[i] for i in test])
    by_line = np.mean([a == labels[i] for a, i in zip(found, test, strict=True)])
    scratch = tuned(task.small_bert(tokenizer, seed), few, seed)
    bert = task.small_bert(tokenizer, seed)
    losses.append([*task.pretrain(bert, tokenizer, ids[train], MASKED, seed)])
    rows.append([by_line, scratch, tuned(bert, few, seed)])
rows, losses = np.array(rows), np.array(losses)
entropy = task.token_entropy(ids[train], pad)
begin, end = losses[:, :20].mean(), losses[:, -20:].mean()

fig, ax = plt.subplots(figsize=(6.4, 2.4), layout="constrained")
names = ["logistic regression", "encoder", f"encoder after\n{MASKED} masked batches"]
for row, values in enumerate(rows.T):
    ax.plot(values, [row] * SEEDS, "o", color=f"C{row}", alpha=0.6)
    ax.plot(values.mean(), row, "|", color=f"C{row}", ms=25, mew=2)
ax.set_yticks(range(len(names)), names)
ax.set(xlabel=f"held-out accuracy, {EACH} labels for each class", ylim=(2.5, -0.5))
ax.xaxis.set_major_locator(plt.MultipleLocator(0.05))
ax.xaxis.set_major_formatter("{x:.0%}")
low, mean, high = rows.min(0), rows.mean(0), rows.max(0)
fig.set_label(
    "Three rows of three dots. "
    + " ".join(
        f"{name.replace(chr(10), ' ').capitalize()}: {a:.1%} to {c:.1%}, mean {b:.1%}."
        for name, a, b, c in zip(names, low, mean, high, strict=True)
    )
)
keys = ["few_linear", "few_scratch", "few_pretrained"]
measured = dict(zip(keys, mean, strict=True)) | {"entropy": entropy, "masked": MASKED}
measured |= {f"{k}_range": r for k, r in zip(keys, high - low, strict=True)}
measured |= {"masked_start": begin, "masked_end": end}
assert low[0] > high[1:].max()
assert mean[2] < mean[1] + 0.03  # it did not help
assert end > entropy - 0.3
