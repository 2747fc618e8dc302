"""
LayerNorm, RMSNorm and SwiGLU on one task
=========================================

A figure of :doc:`/transformers/transformer_block`. One block of GPT-2, the same with
RMSNorm, and the same with SwiGLU, of 13,445 to 13,637 parameters, learn to predict
the next of five symbols. Three seeds.
"""

import matplotlib.pyplot as plt
import torch
from torch import nn

from snippets.transformers.deep_stack import Stack, train
from snippets.transformers.llama_block import SwiGLU, swiglu_width
from snippets.transformers.transformer_block import GPT2Block

WIDTH, STEPS, SEEDS, LAST = 32, 200, 3, 25


def gpt2():
    return Stack([GPT2Block(d_model=WIDTH, heads=2)], nn.LayerNorm(WIDTH), WIDTH)


def with_rms_norm():
    block = GPT2Block(d_model=WIDTH, heads=2)
    block.ln_1, block.ln_2 = nn.RMSNorm(WIDTH), nn.RMSNorm(WIDTH)
    return Stack([block], nn.RMSNorm(WIDTH), WIDTH)


def with_swiglu():
    block = GPT2Block(d_model=WIDTH, heads=2)
    block.mlp = SwiGLU(WIDTH, swiglu_width(WIDTH))
    return Stack([block], nn.LayerNorm(WIDTH), WIDTH)


BUILDERS = {"GPT-2": gpt2, "RMSNorm": with_rms_norm, "SwiGLU": with_swiglu}

ends, sizes = {}, {}
for name, build in BUILDERS.items():
    torch.manual_seed(0)
    models = [build() for _ in range(SEEDS)]
    sizes[name] = sum(weight.numel() for weight in models[0].parameters())
    history = train(models, STEPS, rate=1e-2, warm_up=[50] * SEEDS)
    ends[name] = history[-LAST:].mean(0)

fig, ax = plt.subplots(figsize=(6.4, 2.2), layout="constrained")
for row, end in enumerate(ends.values()):
    ax.plot(end, [row] * SEEDS, "o")
ax.set(xlabel="excess loss (nats)", xlim=(0, None), ylim=(2.5, -0.5))
ax.set_yticks(
    range(3), [f"{name}\n{size:,} parameters" for name, size in sizes.items()]
)
means = {name: end.mean() for name, end in ends.items()}
fig.set_label(
    "Final losses of three seeds each. Means: "
    + ", ".join(f"{name} {mean:.4f}" for name, mean in means.items())
    + " nats. The points of GPT-2 and RMSNorm overlap; those of SwiGLU are lower."
)

measured = {
    "rmsnorm_ratio": means["RMSNorm"] / means["GPT-2"],
    "swiglu_ratio": means["SwiGLU"] / means["GPT-2"],
    "worst_swiglu": ends["SwiGLU"].max(),
    "best_gelu": ends["GPT-2"].min(),
}
assert max(sizes.values()) < 1.02 * min(sizes.values())
assert ends["SwiGLU"].max() < ends["GPT-2"].min()
