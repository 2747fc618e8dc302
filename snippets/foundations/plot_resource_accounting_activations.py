"""
Activations that one layer saves for its backward pass
======================================================

One layer of GPT in BF16, width 128, 4 heads, batch 2. Points are the bytes of the
tensors that autograd saved, each piece of memory counted once and the weights not at
all; lines are the formulas.
"""

import matplotlib.pyplot as plt
import numpy as np
import torch

from snippets.foundations.gpt_layer import GPTLayer, recomputed
from snippets.foundations.resource_accounting import activation_bytes

torch.manual_seed(0)
D_MODEL, HEADS, BATCH = 128, 4, 2
layer = GPTLayer(D_MODEL, HEADS).bfloat16()
weights = {p.untyped_storage().data_ptr() for p in layer.parameters()}
runs = {
    "nothing": layer,
    "attention": lambda x: layer(x, selective=True),
    "layer": lambda x: recomputed(layer, x),
}


def saved_bytes(run, x: torch.Tensor) -> int:
    saved = {}

    def note(tensor):
        saved[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        result = run(x)
    assert result.requires_grad
    return sum(part.nbytes() for at, part in saved.items() if at not in weights)


lengths = [16, 32, 64, 128, 256]
fig, ax = plt.subplots()
ratios, per_number = {}, {}
for color, (name, run) in enumerate(runs.items()):
    predicted, found = np.empty((2, len(lengths)))
    for i, seq in enumerate(lengths):
        x = torch.randn(BATCH, seq, D_MODEL, dtype=torch.bfloat16, requires_grad=True)
        predicted[i] = activation_bytes(BATCH, seq, D_MODEL, HEADS)[name]
        found[i] = saved_bytes(run, x)
    numbers = BATCH * np.array(lengths) * D_MODEL
    ratios[name], per_number[name] = found / predicted, found / numbers
    ax.plot(lengths, predicted / numbers, color=f"C{color}", label=name)
    ax.plot(lengths, found / numbers, "o", color=f"C{color}")
    assert np.all((ratios[name] >= 1) & (ratios[name] < 1.003))
ax.set(xlabel="context (tokens)", ylim=(0, 95))
ax.set(ylabel="bytes / (batch · tokens · width)")
ax.legend(title="recomputed")
first, last = per_number["nothing"][[0, -1]]
attention, whole = per_number["attention"][-1], per_number["layer"][-1]
fig.set_label(
    "Bytes saved per token and unit of width over the context. With nothing recomputed "
    f"a line rises from {first:.1f} at {lengths[0]} tokens to {last:.0f} at "
    f"{lengths[-1]}; with attention recomputed it is level at {attention:.0f}, with "
    f"the layer at {whole:.0f}. Points lie on the lines."
)
measured = {name: found.max() for name, found in ratios.items()}
