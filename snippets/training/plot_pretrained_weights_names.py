"""
The tensors of a published file, and where they go in our model
===============================================================

A figure of :doc:`/training/pretrained_weights`: names and shapes of the smallest
published GPT-2 on the left, of our GPT on the right, and what becomes of each.
"""

import matplotlib.pyplot as plt
import torch

from snippets.training.gpt2_file import to_gpt2
from snippets.training.pretrained_weights import CONV1D, from_gpt2
from snippets.transformers.gpt import GPT, parameters

POSITIONS, LAYERS = 1024, 12
sizes = {"vocab": 50257, "n_positions": POSITIONS, "d_model": 768, "layers": LAYERS}
with torch.device("meta"):  # names and shapes, no memory
    ours = GPT(**sizes, heads=12)
    mask = torch.empty(1, 1, POSITIONS, POSITIONS)
own = ours.state_dict()
# the published file has no prefix and no head, but masks
file = {name.removeprefix("transformer."): t for name, t in to_gpt2(ours).items()}
file |= {f"h.{block}.attn.bias": mask for block in range(LAYERS)}
assert all(own[name].shape == t.shape for name, t in from_gpt2(file).items())

left = [name for name in file if name[:2] != "h." or name[:4] == "h.0."]
left.sort(key=["wte.weight", "h.0.attn.bias", "wpe.weight"].__contains__, reverse=True)
left[1:3] = left[2], left[1]  # the mask beside the head
right = [name if name in own else "lm_head.weight" for name in left]


def size(tensor):
    """A shape as text."""
    return " \N{MULTIPLICATION SIGN} ".join(str(n) for n in tensor.shape)


fig, ax = plt.subplots(figsize=(7.2, 5.6), layout="constrained")
kinds = {"copied": "0.5", "transposed": "C1", "tied: one tensor": "C0", "dropped": "C3"}
for kind, color in kinds.items():
    ax.plot([], [], color=color, label=kind)
changes = []
for row, (name, goal) in enumerate(zip(left, right, strict=True)):
    ax.text(0, row, f"{name}   {size(file[name])}", ha="right", va="center")
    ax.text(1, row, f"{goal}   {size(own[goal])}", va="center")
    if name == goal:
        kind = "transposed" if name.endswith(CONV1D) else "copied"
        ax.plot([0.03, 0.97], [row, row], color=kinds[kind])
        changes.append(f"{name}, {size(file[name])}, is {kind}")
    else:
        ax.plot([0.03, 0.2], [row, row], color=kinds["dropped"])
        ax.plot([0.2], [row], color=kinds["dropped"], marker="x")
        ax.plot([0.03, 0.97], [0, row], color=kinds["tied: one tensor"])
        changes.append(f"{name}, {size(file[name])}, is dropped")
ax.set(xlim=(-1.15, 2.15), ylim=(len(left) - 0.5, -0.5))
ax.axis("off")
fig.legend(loc="outside lower center", ncols=4)
fig.set_label(
    "Two columns of names with shapes, joined by lines. "
    + "; ".join(changes)
    + ". wte.weight also becomes lm_head.weight."
)
total = sum(tensor.numel() for tensor in file.values())
weights = total - LAYERS * mask.numel()
measured = {"numbers": total, "weights": weights, "masks": total - weights}
assert weights == parameters(**sizes)
assert len(left) == len(set(right)) == 17
