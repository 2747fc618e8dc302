"""
Rows of words that never occur
==============================

A figure of :doc:`/language/token_embeddings`. Twenty words of the vocabulary never
occur in the text. What happens to their rows: in an input table, with and without
weight decay, and in a tied table. Three runs.
"""

import matplotlib.pyplot as plt
import numpy as np
import torch

from snippets.foundations.vector_geometry import unit
from snippets.language.window_model import WindowModel, help_words, train

VOCAB, UNSEEN, RATE, EVERY = 100, 20, 0.01, 10
CASES = {  # tied, weight decay
    "input table": (False, 0.0),
    "input table, decay 0.3": (False, 0.3),
    "tied table": (True, 0.0),
}
windows = help_words(0, VOCAB).train.unfold(0, 4, 1)[:40_000]
length, cosine, usual = [], [], []  # of each case, each run, at each tenth step
for tied, decay in CASES.values():
    for seed in range(3):
        torch.manual_seed(seed)
        model = WindowModel(VOCAB + UNSEEN, 24, window=3, width=64, tied=tied)
        unseen = model.table.detach()[VOCAB:]  # a view, which training changes
        steps, rows = [0], [unseen.clone()]
        for step in train(model, windows, 2, decay, RATE):
            if step % EVERY == 0:
                steps.append(step)
                rows.append(unseen.clone())
        tables = torch.stack(rows)
        directions = unit(tables)
        between = (directions @ directions.mT).sum(dim=(1, 2)) - UNSEEN
        length.append(tables.norm(dim=2).mean(dim=1).numpy())
        cosine.append(between.numpy() / (UNSEEN**2 - UNSEEN))
        seen = unit(model.table.detach()[VOCAB - UNSEEN : VOCAB])  # the rarest of these
        usual.append(((seen @ seen.T).sum() - UNSEEN) / (UNSEEN**2 - UNSEEN))
length, cosine = (np.reshape(v, (len(CASES), 3, -1)) for v in (length, cosine))

fig, axes = plt.subplots(1, 2, figsize=(6.4, 2.8), layout="constrained")
for case, (name, style) in enumerate(zip(CASES, ("-", "--", "-."), strict=True)):
    for ax, values in zip(axes, (length, cosine), strict=True):
        low, high = values[case].min(axis=0), values[case].max(axis=0)
        ax.plot(steps, values[case].mean(axis=0), f"C{case}{style}", label=name)
        ax.fill_between(steps, low, high, color=f"C{case}", alpha=0.25)
axes[0].set(xlabel="steps", ylabel="mean length of rows", ylim=(0, None))
axes[1].set(xlabel="steps", ylabel="mean cosine between rows", ylim=(-0.1, 1))
axes[1].legend(fontsize=8)
end = [
    f"{n} {v:.2f}" for n, v in zip(CASES, length[:, :, -1].mean(axis=1), strict=True)
]
near = [
    f"{n} {v:.2f}" for n, v in zip(CASES, cosine[:, :, -1].mean(axis=1), strict=True)
]
fig.set_label(
    f"Two panels over {steps[-1]} steps for rows that start with length "
    f"{length[0, :, 0].mean():.2f}. Mean length at the end: {', '.join(end)}. Mean "
    f"cosine between them: {', '.join(near)}."
)

measured = {
    "unseen_steps": steps[-1],
    "unseen_before": np.abs(cosine[2, :, 0]).max(),
    "unseen_least": cosine[2, :, -1].min(),
    "seen_cosine": np.mean(usual[6:]),
}
assert np.allclose(length[0], length[0, :, :1])
assert np.all(length[1, :, -1] < 0.9 * length[1, :, 0])
assert min(cosine[2, :, -1]) > 0.3 + max(usual[6:])
