"""
A head that is not needed puts its weight on the first position
===============================================================

For :doc:`/attention/stabilized_attention`: attention weights of one trained head in one
text. It copies after triggers. After all other symbols it has nothing to add.
"""

from functools import partial

import matplotlib.pyplot as plt
import torch

from snippets.attention.backcopy_task import D_MODEL, INPUTS, TRIGGERS, texts, train
from snippets.attention.self_attention import causal
from snippets.attention.stabilized_attention import StabilizedAttention

layer = partial(StabilizedAttention, d_model=D_MODEL, heads=1)
model = train(layer, rate=0.03, seed=0, batches=300)
text = texts(9, torch.Generator().manual_seed(5))[4, :-1]
with torch.no_grad():
    x = model.norm(model.embed(text[None]))
    weights = model.layer.weights(x, causal(INPUTS, INPUTS))[0, 0]

# %%
# Where the weight is
# -------------------

trigger = text < TRIGGERS
rows = torch.arange(INPUTS)
before = weights[rows, rows - 1][trigger].mean()
ordinary = ~trigger & (rows > 1)
first = weights[ordinary, 0].mean()
assert trigger.sum() > 2

fig, ax = plt.subplots(figsize=(4.6, 3.8), layout="constrained")
image = ax.imshow(weights, cmap="viridis", vmin=0, vmax=1)
fig.colorbar(image, label="weight")
ax.set_yticks(rows[trigger].tolist(), labels=["trigger"] * int(trigger.sum()))
ax.set_xticks([0, 5, 10, 15])
ax.set(xlabel="key position", ylabel="query")
fig.set_label(
    f"Attention weights of {INPUTS} queries. In the {trigger.sum()} rows of triggers, "
    f"the position before has {before:.0%} of the weight on average. In the other rows "
    f"the first position has {first:.0%}."
)
measured = {"before": before, "first": first}
