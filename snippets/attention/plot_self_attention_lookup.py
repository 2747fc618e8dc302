"""
Self-attention: a head learns to look up
========================================

Sixteen pairs of a symbol and a value stand in random order, then one of the symbols
again. One head of :doc:`/attention/self_attention` learns to attend to the pair with
that symbol. The animation shows its attention weights during training.
"""

import matplotlib.pyplot as plt
import torch
from matplotlib.animation import FuncAnimation

from snippets.attention.lookup_task import (
    SYMBOLS,
    LookupModel,
    accuracy,
    lookups,
    train,
)

# %%
# Sixteen questions about one sequence
# ------------------------------------
# Question 0 asks for the symbol of pair 0, and so on. A head that has learned the task
# attends to the diagonal. We store its weights after a growing number of batches.

drawn = lookups(1, torch.Generator().manual_seed(7))
symbols = drawn.symbols.repeat(SYMBOLS, 1)
values = drawn.values.repeat(SYMBOLS, 1)
symbols[:, -1] = symbols[0, :-1]


@torch.no_grad()
def attention_map(model):
    return model.weights(symbols, values)[0][:, 0].numpy()


marks = [0, 10, 15, 20, 25, 30, 35, 40, 45, 50, 60, 80, 120, 200]
torch.manual_seed(0)
model = LookupModel(head_dim=32)
maps = train(model, marks, rate=1e-2, watch=attention_map)

# %%
# How good is it on new sequences?
# --------------------------------
# Three seeds: the share of right answers, and the mean weight on the matching pair.

models = [model]
for seed in (1, 2):
    torch.manual_seed(seed)
    models.append(LookupModel(head_dim=32))
    train(models[-1], [200], rate=1e-2)

new = lookups(500, torch.Generator().manual_seed(9))
with torch.no_grad():
    weights = torch.stack([m.weights(new.symbols, new.values)[0][:, 0] for m in models])
on_match = weights.gather(2, new.match.expand(3, -1)[..., None]).mean().item()
right = min(accuracy(m) for m in models)
assert min(right, on_match) > 0.95

fig, ax = plt.subplots(figsize=(6.2, 4.4))
image = ax.imshow(maps[0], vmin=0, vmax=1, cmap="viridis")
fig.colorbar(image, label="attention weight", shrink=0.85)
ax.set(xlabel="position of the key (16 is the question)", xticks=range(0, 17, 4))
ax.set(ylabel="question", yticks=range(0, 16, 4))
fig.set_label(
    "Animated heat map of attention weights, sixteen questions by seventeen positions. "
    f"Before training the largest is {maps[0].max():.2f}. After 200 batches the "
    f"diagonal has at least {maps[-1].diagonal().min():.2f} in each row."
)


def draw(frame):
    image.set_data(maps[frame])
    ax.set_title(f"after {marks[frame]} batches", loc="left")


animation = FuncAnimation(fig, draw, range(len(marks)), interval=500)
measured = {"right": right, "on_match": on_match}
