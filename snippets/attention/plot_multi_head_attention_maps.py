"""
Multi-head attention: one head averages, two heads select
=========================================================

For :doc:`/attention/multi_head_attention`: a model names the previous symbol and the
one three steps back. A single head divides its weight between the two positions. With
two heads, each attends to one of them.
"""

import matplotlib.pyplot as plt
import torch

from snippets.attention.earlier_symbols_task import NamingModel, mean_weights, train

# %%
# Three seeds with one head and with two
# --------------------------------------
# We keep the attention weights, averaged over the test sequences, of the first model
# of each kind, and the scores of all.

scores, maps = {}, {}
for heads in (1, 2):
    for seed in range(3):
        torch.manual_seed(seed)
        model = NamingModel(heads)
        scores.setdefault(heads, []).extend(train(model, [200], rate=2e-2))
        maps.setdefault(heads, mean_weights(model))


def weight_back(weights, steps):
    """Mean weight on the position ``steps`` back, for each head."""
    return weights.diagonal(-steps, -2, -1)[..., 3 - steps :].mean(-1)


one_back, three_back = (weight_back(maps[2], steps) for steps in (1, 3))
previous = one_back.argmax().item()  # the head that attends to the previous position
assert max(scores[1]) < 0.4
assert min(scores[2]) > 0.98
assert one_back[previous] > 0.8
assert three_back[1 - previous] > 0.8

fig, axes = plt.subplots(1, 3, sharey=True, figsize=(6.4, 2.4), layout="constrained")
panels = {
    "single head": maps[1][0],
    "two heads: first": maps[2][0],
    "two heads: second": maps[2][1],
}
for ax, (title, weights) in zip(axes, panels.items(), strict=True):
    image = ax.imshow(weights, vmin=0, vmax=1, cmap="viridis")
    ax.set_title(title, loc="left", fontsize=10)
    ax.set(xticks=range(0, 16, 5), yticks=range(0, 16, 5), xlabel="key position")
axes[0].set_ylabel("query position")
fig.colorbar(image, ax=axes, label="weight", shrink=0.7)

measured = {
    "one": sum(scores[1]) / 3,
    "two": sum(scores[2]) / 3,
    "one_on_1": weight_back(maps[1], 1)[0],
    "one_on_3": weight_back(maps[1], 3)[0],
    "two_on_1": one_back[previous],
    "two_on_3": three_back[1 - previous],
}
fig.set_label(
    "Three heat maps of attention weights, sixteen queries by sixteen keys. The single "
    f"head has two diagonals, with a mean of {measured['one_on_1']:.2f} one step back "
    f"and {measured['one_on_3']:.2f} three steps back. Of the two heads, one has "
    f"{measured['two_on_1']:.2f} one step back, the other {measured['two_on_3']:.2f} "
    "three steps back."
)
