"""
ZeRO: bytes of training state per device, as more of it is sharded
==================================================================

A two-layer network takes one step of Adam in mixed precision. Its tensors are cut into
64 shards, as the stages of ZeRO do, and the bytes of the first shard are scaled to 7.5
billion parameters. The formula and the tensors agree.
"""

import matplotlib.pyplot as plt
import numpy as np
import torch
from torch import nn
from torch.utils._pytree import tree_leaves

from snippets.foundations.resource_accounting import state_bytes

torch.manual_seed(0)

network = nn.Sequential(nn.Linear(256, 512), nn.Linear(512, 256)).bfloat16()
weights = list(network.parameters())
masters = [p.detach().float().requires_grad_() for p in weights]
optimizer = torch.optim.Adam(masters)
network(torch.randn(8, 256, dtype=torch.bfloat16)).square().mean().backward()
for master, weight in zip(masters, weights, strict=True):
    master.grad = weight.grad.float()
optimizer.step()
states = {
    "weights, BF16": weights,
    "gradients, BF16": [p.grad for p in weights],
    "optimizer state, FP32": masters + tree_leaves(list(optimizer.state.values())),
}


def gigabytes(tensors: list[torch.Tensor], sharded: bool) -> float:
    shards = [tensor.flatten().chunk(64 if sharded else 1)[0] for tensor in tensors]
    count = sum(p.numel() for p in weights)
    return 7.5 * sum(shard.nbytes for shard in shards) / count


fig, ax = plt.subplots()
stages = ["nothing", "optimizer state\n(stage 1)", "+ gradients\n(stage 2)"]
stages += ["+ weights\n(stage 3)"]
total = np.zeros(4)
for position, (name, tensors) in enumerate(states.items()):
    height = [gigabytes(tensors, stage >= 3 - position) for stage in range(4)]
    ax.bar(stages, height, bottom=total, label=name)
    total += height
for stage, found in enumerate(total):
    assert abs(found / (7.5 * state_bytes(stage, ranks=64)) - 1) < 0.01
    ax.text(stage, found + 2, f"{found:.1f}", ha="center")
ax.axhline(80, color="0.5", ls=":")
ax.text(3.4, 82, "a device of 80 GB", ha="right")
ax.set(xlabel="what is sharded over 64 devices", ylabel="memory per device (GB)")
ax.set(ylim=(0, 135))
ax.legend()
fig.set_label(
    "Four stacked bars of gigabytes per device. With everything on each device "
    f"{total[0]:.0f}, of which the optimizer state is {height[0]:.0f}; {total[1]:.1f} "
    f"when it is sharded, {total[2]:.1f} with the gradients, {total[3]:.1f} with the "
    "weights."
)
measured = {f"stage_{stage}": found for stage, found in enumerate(total)}
