"""
Loss by score, and scores by size
=================================

A figure of :doc:`/recommenders/clothing_fit`: the ordinal hinge loss of the three
labels, and the scores of two customers for the sizes of a product.
"""

import matplotlib.pyplot as plt
import torch

from snippets.recommenders.clothing_fit import ordinal_hinge

NAMES, COLORS = ("small", "fit", "large"), ("C0", "C2", "C1")
SIZES = {"S": 1.0, "M": 2.0, "L": 3.5, "XL": 4.0}
CUSTOMERS = {"customer, size 2.2": 2.2, "customer, size 4.4": 4.4}
cuts, scores = torch.tensor([-1.0, 1.0]), torch.linspace(-4, 4, 161)

fig, (left, right) = plt.subplots(1, 2, figsize=(6.8, 3), layout="constrained")
losses = [ordinal_hinge(scores, cuts, torch.full((161,), label)) for label in range(3)]
for name, color, loss in zip(NAMES, COLORS, losses, strict=True):
    left.plot(scores, loss, color, label=name)
for cut, name in zip(cuts.tolist(), ("$b_1$", "$b_2$"), strict=True):
    left.axvline(cut, color="0.5", linestyle=":")
    right.axhline(cut, color="0.5", linestyle=":")
    right.annotate(name, (3.25, cut + 0.05), va="bottom")
left.set(xlabel="score f", ylabel="hinge loss", xticks=range(-4, 5, 2))
left.legend(ncols=3, loc="lower center", bbox_to_anchor=(0.5, 1), fontsize=8)

found = []
for (name, size), look in zip(CUSTOMERS.items(), ("o-", "s--"), strict=True):
    row = [size - child for child in SIZES.values()]
    right.plot(range(len(SIZES)), row, look, color="0.3", label=name)
    labels = [0 if f > 1 else 2 if f < -1 else 1 for f in row]
    for place, (f, label) in enumerate(zip(row, labels, strict=True)):
        right.plot(place, f, look[0], color=COLORS[label], zorder=3, markersize=8)
    said = ", ".join(
        f"{one} {NAMES[label]}" for one, label in zip(SIZES, labels, strict=True)
    )
    found.append(f"{name}: {said}")
right.set_xticks(range(len(SIZES)), SIZES)
right.set(xlabel="size of the product", ylabel="score f", xlim=(-0.3, 3.6))
right.legend(ncols=2, loc="lower center", bbox_to_anchor=(0.5, 1), fontsize=8)

fig.set_label(
    "Left: hinge loss by score, with thresholds -1 and 1. The loss of small falls to 0 "
    "at a score of 2, that of large rises from 0 at -2, that of fit grows from 0 at a "
    "score of 0 to both sides. Right: scores fall from size S to XL. "
    + "; ".join(found)
    + "."
)
assert losses[1].argmin() == 80
