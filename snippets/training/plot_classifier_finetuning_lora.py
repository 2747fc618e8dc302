"""
LoRA: a product of two thin matrices is added to a frozen weight
================================================================

A figure of :doc:`/training/classifier_finetuning`: the matrices of an adapted layer
after training. The script also counts how many numbers LoRA trains in GPT-3.
"""

import matplotlib.pyplot as plt
import torch
from torch import nn

from snippets.training.classifier_finetuning import count_trainable
from snippets.training.lora import LoRALinear

IN, OUT, RANK, ALPHA, UPDATES = 16, 12, 2, 4, 200
GPT_3, LAYERS, ALL = 12288, 96, 175_255.8e6  # width, blocks, parameters

torch.manual_seed(0)
wanted = torch.randn(OUT, 3) @ torch.randn(3, IN) / 3  # the best update has rank 3
layer = LoRALinear(nn.Linear(IN, OUT, bias=False), RANK, ALPHA)
with torch.no_grad():
    first = layer.base_layer.weight.mul_(3).clone()  # as large as the update
optimizer = torch.optim.Adam([layer.lora_A, layer.lora_B], lr=0.05)
for _ in range(UPDATES):
    optimizer.zero_grad()
    x = torch.randn(64, IN)
    (layer(x) - x @ (first + wanted).T).square().mean().backward()
    optimizer.step()

with torch.no_grad():
    product = layer.scaling * layer.lora_B @ layer.lora_A
    left = (product - wanted).norm() / wanted.norm()
    possible = torch.linalg.svdvals(wanted)[RANK:].norm() / wanted.norm()
weight, (d, k) = layer.merged().weight.detach(), first.shape
scaled = r"$(\alpha / r) \, BA$"
parts = [  # where the left lower corner is: B is left of the product, A above it
    (f"$W_0$, frozen\n{d} by {k}", first, 0, 0),
    (f"$B$\n{d} by {RANK}", layer.lora_B.detach(), k + 3, 0),
    (f"$A$, {RANK} by {k}", layer.lora_A.detach(), k + RANK + 4, d + 1),
    (f"{scaled}\n{d} by {k}", product, k + RANK + 4, 0),
    (f"merged\n{d} by {k}", weight, 2 * k + RANK + 7, 0),
]
fig, ax = plt.subplots(figsize=(6.8, 2.8), layout="constrained")
top = max(part.abs().max() for _, part, _, _ in parts)
for name, part, x, y in parts:
    rows, columns = part.shape
    area = (x, x + columns, y, y + rows)
    ax.imshow(part, cmap="RdBu", vmin=-top, vmax=top, extent=area)
    ax.add_patch(plt.Rectangle((x, y), columns, rows, fill=False, ec="0.5"))
    over = name.startswith("$A")
    place = (x + columns / 2, y + rows + 0.5 if over else -0.5)
    ax.text(*place, name, ha="center", va="bottom" if over else "top")
for x, sign in ((k + 1.5, "+"), (2 * k + RANK + 5.5, "=")):
    ax.text(x, d / 2, sign, ha="center", va="center")
ax.set(xlim=(-0.5, 3 * k + RANK + 7.5), ylim=(-4, d + RANK + 3))
ax.axis("off")
fig.set_label(
    f"Five heat maps with entries of equal size: a frozen weight of {d} by {k}, plus "
    f"a scaled product of {d} by {k}, gives the merged weight. B, {d} by {RANK}, is "
    f"left of the product, and A, {RANK} by {k}, is above it. The product looks "
    f"striped because its rows are mixtures of the {RANK} rows of A."
)

# %% Numbers to train
ranks = [1, 4, 8]
with torch.device("meta"):  # shapes without memory
    pairs = [LoRALinear(nn.Linear(GPT_3, GPT_3, bias=False), r, r) for r in ranks]
trained = [2 * LAYERS * count_trainable(pair) for pair in pairs]  # queries and values
measured = {"left": left, "possible": possible}
measured |= {f"millions_{r}": trained[ranks.index(r)] / 1e6 for r in (1, 8)}
measured["fewer"] = ALL / trained[ranks.index(4)]
assert possible <= left < 1.2 * possible
