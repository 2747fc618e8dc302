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
first = layer.base_layer.weight.clone()
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
parts = {
    "$W_0$, frozen": first,
    "$B$": layer.lora_B.detach(),
    "$A$": layer.lora_A.detach(),
    r"$\frac{\alpha}{r} BA$": product,
    "merged": layer.merged().weight.detach(),
}
fig, axes = plt.subplots(
    1, 5, figsize=(6.8, 2.2), width_ratios=[IN, RANK + 1, IN, IN, IN]
)
fig.set_layout_engine("compressed")
top = max(part.abs().max() for part in parts.values())
for ax, (name, part) in zip(axes, parts.items(), strict=True):
    ax.imshow(part, cmap="RdBu", vmin=-top, vmax=top)
    ax.set(
        title=name, xticks=[], yticks=[], xlabel=f"{part.shape[0]} by {part.shape[1]}"
    )
fig.set_label(
    f"Five heat maps: a frozen weight of {OUT} by {IN}, B of {OUT} by {RANK}, A of "
    f"{RANK} by {IN}, their scaled product, which looks striped because its rows are "
    f"mixtures of {RANK} rows, and the sum of the weight and the product."
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
