"""
Memory during one training step, with and without recomputation
===============================================================

Four layers of GPT, width 64, batch 4 of 64 tokens, in FP32; the second step of Adam. A
tensor's bytes are added when an operation returns it and subtracted when nothing refers
to it any more.
"""

import matplotlib.pyplot as plt
import numpy as np
import torch
from torch import nn

from snippets.foundations.gpt_layer import GPTLayer, recomputed
from snippets.foundations.peak_memory import PeakMemory

torch.manual_seed(0)


class MemoryHistory(PeakMemory):
    """Notes the bytes alive after every operation."""

    def __init__(self, start: int):
        super().__init__()
        self.live, self.history = start, []

    def __torch_dispatch__(self, *call):
        result = super().__torch_dispatch__(*call)
        self.history.append(self.live)
        return result


def second_step(run, batch: int = 4) -> tuple[np.ndarray, float]:
    """Bytes per parameter, and the share of the operations that are forward."""
    layers = nn.ModuleList(GPTLayer(64, heads=4) for _ in range(4))
    optimizer = torch.optim.Adam(layers.parameters(), fused=True)
    size = sum(p.nbytes for p in layers.parameters())
    x = torch.randn(batch, 64, 64, requires_grad=True)
    for start in (size, 3 * size):  # the first step adds two moments
        with MemoryHistory(start) as memory:
            y = x
            for layer in layers:
                y = run(layer, y)
            turn = len(memory.history)
            y.square().mean().backward()
            optimizer.step()
            optimizer.zero_grad()
            del y
    return 4 * np.array(memory.history) / size, turn / len(memory.history)


saved, turn = second_step(lambda layer, x: layer(x))
again, turn_again = second_step(recomputed)
assert abs(saved[0] - 12) < 0.5
assert abs(saved[-3] - 16) < 0.6
assert saved.max() > 1.7 * again.max()
assert abs(saved.argmax() / len(saved) - turn) < 0.04
assert again.argmax() / len(again) > turn_again + 0.5
large, turn_large = second_step(recomputed, batch=32)  # more than 12 * 64 tokens
assert large.argmax() / len(large) < turn_large + 0.1

fig, ax = plt.subplots()
for name, bytes_live in {"nothing": saved, "each layer": again}.items():
    ax.plot(np.linspace(0, 1, len(bytes_live)), bytes_live, label=name)
for at, color in {turn: "C0", turn_again: "C1"}.items():
    ax.axvline(at, color=color, ls=":")
ax.text(turn - 0.01, 2, "forward", ha="right", color="C0")
ax.text(turn + 0.01, 2, "backward, then Adam", color="C0")
ax.set(xlabel="share of the operations done", ylabel="bytes alive per parameter")
ax.set(ylim=(0, None))
ax.legend(title="recomputed")
fig.set_label(
    "Bytes alive per parameter during one step. Without recomputation they climb from "
    f"{saved[0]:.0f} to {saved.max():.0f} where the backward pass begins and fall to "
    f"{saved[-3]:.0f} until its end; the optimizer brings them back to 12. "
    f"With recomputation a sawtooth rises to {again.max():.0f} by the end of the "
    "backward pass."
)
measured = {"peak": saved.max(), "peak_recomputed": again.max()}
