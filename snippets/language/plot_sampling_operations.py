"""
Seven operations on one distribution
====================================

A figure of :doc:`/language/sampling`. What each operation makes of the probabilities
of six tokens. Where the first token already stands in the text, penalties lower it.
"""

import matplotlib.pyplot as plt
import torch

from snippets.language.penalties import penalize_counts, penalize_repetition
from snippets.language.sampling import (
    apply_temperature,
    keep_min_p,
    keep_top_k,
    keep_top_p,
    probabilities,
)

words = ["mat", "sofa", "floor", "roof", "moon", "piano"]
logits = torch.tensor([[0.40, 0.25, 0.15, 0.10, 0.06, 0.04]]).log()
text = torch.tensor([[0, 0]])  # "mat" occurs twice
panels = {
    "model": logits,
    "temperature 0.5": apply_temperature(logits, 0.5),
    "temperature 2": apply_temperature(logits, 2.0),
    "frequency penalty 0.5": penalize_counts(logits, text, frequency=0.5),
    "top-k, k = 2": keep_top_k(logits, 2),
    "top-p, p = 0.7": keep_top_p(logits, 0.7),
    "min-p 0.2": keep_min_p(logits, 0.2),
    "repetition penalty 2": penalize_repetition(logits, text, 2.0),
}
before = probabilities(logits)[0]
fig, axes = plt.subplots(
    2, 4, figsize=(7.2, 3.9), sharex=True, sharey=True, layout="constrained"
)
for ax, (title, result) in zip(axes.flat, panels.items(), strict=True):
    after = probabilities(result)[0]
    ax.barh(range(6), before, fc="none", ec="0.5", lw=0.8, ls=":")
    ax.barh(range(6), after, fc="C0", alpha=0.55)
    for row, value in enumerate(after.tolist()):
        if value == 0:
            ax.text(0.02, row, "removed", va="center", color="C3", fontsize=8)
    ax.set_title(title, fontsize=9)
axes[0, 0].set_yticks(range(6), words)
axes[0, 0].invert_yaxis()
fig.supxlabel("probability of the next token", fontsize=9)
kept = {title: int((result > -torch.inf).sum()) for title, result in panels.items()}
first = {title: probabilities(result)[0, 0] for title, result in panels.items()}
fig.set_label(
    "Eight bar charts of the probabilities of mat, sofa, floor, roof, moon and piano. "
    + "; ".join(
        f"{t}: mat has {v:.2f}, {kept[t]} tokens stay" for t, v in first.items()
    )
    + "."
)
assert [kept[t] for t in list(panels)[4:7]] == [2, 3, 4]
