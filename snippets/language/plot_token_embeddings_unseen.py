"""
Rows of words that never occur
==============================

A figure of :doc:`/language/token_embeddings`. Twenty words of the vocabulary never
occur in the text. What happens to their rows: in an input table, with and without
weight decay, in an output table, and in a tied table. Three runs.
"""

import matplotlib.pyplot as plt
import numpy as np
import torch

from snippets.foundations.vector_geometry import unit
from snippets.language.window_model import WindowModel, help_words, train

VOCAB, UNSEEN, RATE, EVERY = 100, 20, 0.01, 10
TRAINED = {  # tied, weight decay: the tables to look at
    (False, 0.0): {"input table": "table", "output table": "output"},
    (False, 0.3): {"input table, decay 0.3": "table"},
    (True, 0.0): {"tied table": "table"},
}


def mean_cosine(rows: torch.Tensor) -> torch.Tensor:
    between = (unit(rows) @ unit(rows).mT).sum(dim=(-2, -1)) - UNSEEN
    return between / (UNSEEN**2 - UNSEEN)


windows = help_words(0, VOCAB).train.unfold(0, 4, 1)[:30_000]
length, cosine, usual = {}, {}, {}  # of each table: each run, at each tenth step
for (tied, decay), names in TRAINED.items():
    for seed in range(3):
        torch.manual_seed(seed)
        model = WindowModel(VOCAB + UNSEEN, 24, window=3, width=64, tied=tied)
        tables = {n: getattr(model, name).detach() for n, name in names.items()}
        steps, rows = [0], {n: [t[VOCAB:].clone()] for n, t in tables.items()}
        for step in train(model, windows, 2, decay, RATE, batch=384):
            if step % EVERY == 0:
                steps.append(step)
                for name, table in tables.items():  # which training changes
                    rows[name].append(table[VOCAB:].clone())
        for name, table in tables.items():
            unseen = torch.stack(rows[name])
            length.setdefault(name, []).append(unseen.norm(dim=2).mean(dim=1).numpy())
            cosine.setdefault(name, []).append(mean_cosine(unseen).numpy())
            rarest = table[VOCAB - UNSEEN : VOCAB]  # of the words that occur
            usual.setdefault(name, []).append(mean_cosine(rarest).item())

fig, axes = plt.subplots(1, 2, figsize=(6.4, 2.8), layout="constrained")
styles = ("C0-", "C3:", "C1--", "C2-.")
for name, style in zip(length, styles, strict=True):
    for panel, values in zip(axes, (length[name], cosine[name]), strict=True):
        panel.plot(steps, np.mean(values, axis=0), style, label=name)
        low, high = np.min(values, axis=0), np.max(values, axis=0)
        panel.fill_between(steps, low, high, color=style[:2], alpha=0.25)
axes[0].set(xlabel="steps", ylabel="mean length of rows", ylim=(0, None))
axes[1].set(xlabel="steps", ylabel="mean cosine between rows", ylim=(-0.1, 1))
axes[1].legend(fontsize=8)
end, near = (
    ", ".join(f"{n} {np.mean(v, axis=0)[-1]:.2f}" for n, v in values.items())
    for values in (length, cosine)
)
fig.set_label(
    f"Two panels over {steps[-1]} steps for rows that start with length "
    f"{np.mean(length['tied table'], axis=0)[0]:.2f}. Mean length at the end: {end}. "
    f"Mean cosine between them: {near}."
)

tied, output = np.array(cosine["tied table"]), np.array(cosine["output table"])
still, shrunk = np.array(length["input table"]), np.array([*length.values()][2])
measured = {"unseen_steps": steps[-1], "unseen_least": tied[:, -1].min()}
measured["output_least"] = output[:, -1].min()
measured["seen_cosine"] = np.max([usual["tied table"], usual["output table"]])
assert np.allclose(still, still[:, :1])
assert np.all(shrunk[:, -1] < 0.9 * shrunk[:, 0])
assert min(tied[:, -1].min(), output[:, -1].min()) > 0.3 + measured["seen_cosine"]
