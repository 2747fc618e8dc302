"""
Mamba: work that grows with the length, not with its square
===========================================================

For :doc:`/attention/mamba`: the numbers that all operations of one layer write, counted
for a Mamba mixer and for an attention layer.
"""

import matplotlib.pyplot as plt
import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from snippets.attention.grouped_query_attention import GroupedQueryAttention
from snippets.attention.mamba import MambaMixer

torch.manual_seed(0)
LENGTHS = [128, 256, 512, 1024, 2048]


class NumbersWritten(TorchDispatchMode):
    """Counts the elements of the results of all operations."""

    count = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        out = function(*args, **(kwargs or {}))
        self.count += out.numel() if isinstance(out, torch.Tensor) else 0
        return out


def numbers_written(layer: nn.Module, seq: int) -> int:
    with torch.no_grad(), NumbersWritten() as written:
        layer(torch.randn(1, seq, 32))
    return written.count


# %%
# Sequences of up to 2048 tokens of width 32
# ------------------------------------------

layers = {
    "Mamba mixer": MambaMixer(d_model=32, d_state=4),
    "attention, 2 heads": GroupedQueryAttention(d_model=32, heads=2, kv_heads=2),
}
fig, ax = plt.subplots(figsize=(5.6, 3.2))
growth = []
for name, layer in layers.items():
    counts = [numbers_written(layer, seq) for seq in LENGTHS]
    growth.append(counts[-1] / counts[-2])
    ax.plot(LENGTHS, counts, "o-", label=name)
ax.set(xscale="log", yscale="log", xlabel="tokens", ylabel="numbers written")
ax.set_xticks(LENGTHS, labels=LENGTHS)
ax.minorticks_off()
ax.legend()
linear, square = growth
fig.set_label(
    "Numbers written over the number of tokens, both axes logarithmic. From 1024 to "
    f"2048 tokens the Mamba mixer grows {linear:.2f} times, attention {square:.2f} "
    "times; attention starts lower and is higher at the end."
)
assert linear < 2.1 < 3.6 < square
measured = {"linear": linear, "square": square}
