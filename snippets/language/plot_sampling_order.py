"""
How many tokens stay, by temperature
====================================

A figure of :doc:`/language/sampling`. A model of counts, and 250 places in text that
it has not read: the mean number of tokens that top-k, top-p and min-p keep when the
temperature is applied first. Applied last, it changes no number.
"""

import matplotlib.pyplot as plt
import numpy as np
import torch

from snippets.language.help_prompts import held_out_prompts
from snippets.language.sampling import (
    apply_temperature,
    keep_min_p,
    keep_top_k,
    keep_top_p,
)

TEMPERATURES = [0.5, 0.75, 1.0, 1.25, 1.5, 1.75, 2.0]
RULES = {
    "top-p, p = 0.9": (lambda z: keep_top_p(z, 0.9), "o"),
    "top-k, k = 40": (lambda z: keep_top_k(z, 40), "s"),
    "min-p 0.1": (lambda z: keep_min_p(z, 0.1), "^"),
}


def number(logits):
    """How many tokens each row keeps."""
    return (logits > -torch.inf).sum(-1).float()


kept = np.zeros((3, len(RULES), len(TEMPERATURES)))
sizes = []
for seed, fold in enumerate((0, 2, 4)):
    data = held_out_prompts(fold, prompts=250)
    logits = data.model(data.prompts)
    for row, (rule, _) in enumerate(RULES.values()):
        for column, temperature in enumerate(TEMPERATURES):
            hot = apply_temperature(logits, temperature)
            kept[seed, row, column] = number(rule(hot)).mean()
    sizes.append(number(keep_top_p(logits, 0.9)).quantile(torch.tensor([0.1, 0.9])))
vocab = logits.shape[1]

fig, ax = plt.subplots(figsize=(6.4, 3), layout="constrained")
for row, (name, (_, marker)) in enumerate(RULES.items()):
    mean, low, high = (f(kept[:, row], axis=0) for f in (np.mean, np.min, np.max))
    ax.errorbar(
        TEMPERATURES, mean, (mean - low, high - mean), marker=marker, label=name
    )
ax.axvline(1, lw=0.8, ls=":", color="0.5")
ax.set(xlabel="temperature, applied first", ylabel="tokens kept, mean", yscale="log")
ax.yaxis.set_major_formatter("{x:g}")
ax.legend()
mean = dict(zip(RULES, kept.mean(axis=0), strict=True))
fig.set_label(
    "Three curves of tokens kept against temperature, logarithmic. "
    + "; ".join(
        f"{n}: {v[0]:.1f} at {TEMPERATURES[0]}, {v[2]:.1f} at 1, {v[-1]:.1f} at 2"
        for n, v in mean.items()
    )
    + f", of {vocab} tokens."
)

top_p, _, min_p = mean.values()
measured = {
    "vocab": vocab,
    "top_p_one": top_p[2],
    "top_p_hot": top_p[-1],
    "min_p_one": min_p[2],
    "min_p_hot": min_p[-1],
    "nucleus_small": torch.stack(sizes).mean(0)[0],
    "nucleus_large": torch.stack(sizes).mean(0)[1],
}
assert (kept[:, 0, -1] > 4 * kept[:, 0, 2]).all()
assert (kept[:, 2, -1] < kept[:, 0, -1]).all()
