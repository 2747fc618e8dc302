"""
FLOPs of training: six per parameter and token, and what attention adds
=======================================================================

One layer and the output head of three GPT shapes run forward and backward on the meta
device. Points are what PyTorch's counter saw, lines the formula.
"""

import matplotlib.pyplot as plt
import numpy as np
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from snippets.foundations.gpt_layer import GPTLayer
from snippets.foundations.resource_accounting import (
    Decoder,
    matrix_parameters,
    training_flops,
)


def counted(module: nn.Module, x: torch.Tensor) -> int:
    with FlopCounterMode(display=False) as counter:
        module(x).sum().backward()
    return counter.get_total_flops()


def shape(layers: int, d_model: int, heads: int) -> Decoder:
    return Decoder(
        layers=layers,
        d_model=d_model,
        heads=heads,
        kv_heads=heads,
        head_dim=d_model // heads,
        d_ff=4 * d_model,
        vocab=50257,
        gated=False,
        biases=True,
    )


models = {
    "GPT-2 small": shape(12, 768, 12),
    "GPT-2 XL": shape(48, 1600, 25),
    "GPT-3": shape(96, 12288, 96),
}
lengths = 2 ** np.arange(7, 18)
error, doubled = 0, {}
fig, ax = plt.subplots()
for color, (name, model) in enumerate(models.items()):
    with torch.device("meta"):
        layer = GPTLayer(model.d_model, model.heads)
        head = nn.Linear(model.d_model, model.vocab, bias=False)
    matrices, ratios = matrix_parameters(model, experts=1), []
    for seq in lengths.tolist():
        x = torch.empty(1, seq, model.d_model, device="meta", requires_grad=True)
        flops = model.layers * counted(layer, x) + counted(head, x)
        error = max(error, abs(flops - training_flops(model, 1, seq)))
        ratios.append(flops / (6 * matrices * seq))
    doubled[name] = round(matrices / (2 * model.layers * model.d_model), -2)
    predicted = 1 + lengths * 2 * model.layers * model.d_model / matrices
    ax.plot(lengths, ratios, "o", color=f"C{color}", ms=5)
    ax.plot(lengths, predicted, color=f"C{color}", label=f"{name}, {model.d_model}")
assert error == 0

ax.axhline(1, color="0.5", ls=":")
ax.set_xscale("log", base=2)
ax.set_yscale("log", base=2)
ax.set_yticks([1, 2, 4, 8, 16], labels=["1", "2", "4", "8", "16"])
ax.set(xlabel="context (tokens)", ylabel="FLOPs / (6 · parameters · tokens)")
ax.legend(title="shape, d_model")
ends = ", ".join(f"{name} near {tokens:.0f}" for name, tokens in doubled.items())
fig.set_label(
    "Three rising curves of training FLOPs per parameter and token, in units of six, "
    f"over the context from {lengths[0]} to {lengths[-1]} tokens. All start near 1. "
    f"They reach 2 at these numbers of tokens: {ends}. Points lie on the lines."
)
# GPT-3 at 2048 and at 131,072 tokens
measured = {"error": error, "short": ratios[4], "long": ratios[-1]}
