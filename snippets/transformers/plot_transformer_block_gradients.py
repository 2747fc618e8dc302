"""
Gradients at the start, by block, in both orders
================================================

A figure of :doc:`/transformers/transformer_block`. The norm of the gradient of the
second feed-forward matrix in each block, before training, for stacks of 6, 12 and
24 blocks. Mean of five seeds.
"""

import matplotlib.pyplot as plt
import numpy as np
import torch
from torch.nn.functional import cross_entropy

from snippets.positions.symbol_language import texts
from snippets.transformers.deep_stack import SEQ, stack
from snippets.transformers.transformer_block import GPT2Block, PostNormBlock

DEPTHS, SEEDS = (6, 12, 24), 5
text = texts(32, SEQ + 1, seed=0)


def gradients(kind, layers, seed):
    """Norm of the gradient in each block, and deviation of the stream at the end."""
    torch.manual_seed(seed)
    model = stack(kind, layers, d_model=64)
    found = {}
    model.last.register_forward_pre_hook(lambda _, x: found.update(stream=x[0].std()))
    logits = model(text[:, :-1])[:, 2:]  # two symbols are free
    cross_entropy(logits.flatten(0, 1), text[:, 3:].flatten()).backward()
    norms = [block.mlp.c_proj.weight.grad.norm().item() for block in model.blocks]
    return [*norms, found["stream"].item()]


fig, axes = plt.subplots(1, 2, figsize=(6.4, 2.8), sharey=True, layout="constrained")
orders = {"pre-norm": GPT2Block, "post-norm": PostNormBlock}
last, stream = {}, {}
for ax, (name, kind) in zip(axes, orders.items(), strict=True):
    for layers, marker in zip(DEPTHS, "os^", strict=True):
        runs = np.array([gradients(kind, layers, seed) for seed in range(SEEDS)])
        *norms, stream[name, layers] = runs.mean(0)
        ax.plot(range(1, layers + 1), norms, marker=marker, markersize=3)
        ax.lines[-1].set_label(f"{layers} blocks")
        last[name, layers] = norms[-1]
    ax.set(title=name, xlabel="block")
axes[0].set(ylabel="norm of the gradient", ylim=(0, None))
axes[0].legend()


def listed(name):
    return ", ".join(f"{last[name, layers]:.2f}" for layers in DEPTHS)


fig.set_label(
    "Two panels, gradient norm against block. Pre-norm: lines that fall toward the "
    f"last block, where stacks of 6, 12 and 24 blocks have {listed('pre-norm')}. "
    f"Post-norm: nearly level lines, with {listed('post-norm')} in the last block."
)
shallow, deep = DEPTHS[0], DEPTHS[-1]
post, pre = ("post-norm", "pre-norm")
measured = {
    "gradient_fall": last[pre, shallow] / last[pre, deep],
    "stream_rise": stream[pre, deep] / stream[pre, shallow],
    "gradient_orders": last[post, deep] / last[pre, deep],
}
assert last[post, deep] > 3 * last[pre, deep]
