"""
What norms and input injection do to a loop
===========================================

A figure of :doc:`/transformers/looped_transformer`. A block with random weights is
applied 64 times, with and without norms and input injection. No training; eight starts.
"""

import matplotlib.pyplot as plt
import torch
from torch import nn

from snippets.transformers.looped_transformer import LoopedTransformer
from snippets.transformers.vit_layer import Layer

WIDTH, LOOPS, STARTS, INPUTS = 32, 64, 8, 16
KINDS = ["no norm", "pre-norm", "pre-norm, norm per loop"]


def blocks(kind: str) -> list[nn.Module]:
    """A block with Xavier weights; its norms removed, or one more behind it."""
    layer = Layer(WIDTH, heads=1, d_ff=2 * WIDTH, eps=1e-5)
    for parameter in layer.parameters():
        if parameter.ndim == 2:
            nn.init.xavier_normal_(parameter)
    if kind == "no norm":
        layer.layernorm_before = layer.layernorm_after = nn.Identity()
    return [layer, nn.LayerNorm(WIDTH)] if kind.endswith("per loop") else [layer]


@torch.no_grad()
def curves(kind: str, inject: bool) -> tuple[torch.Tensor, torch.Tensor]:
    """Size of the state, and the share of it that differs between the inputs."""
    sizes, shares = [], []
    for seed in range(STARTS):
        torch.manual_seed(seed)
        looped = LoopedTransformer(blocks(kind), loops=LOOPS, inject=inject).double()
        states = looped.states(torch.randn(INPUTS, 6, WIDTH, dtype=torch.double))
        square = torch.stack(states).square().mean((1, 2, 3))
        sizes.append(square.sqrt())
        shares.append(torch.stack(states).var(dim=1).mean((1, 2)) / square)
    return torch.stack(sizes), torch.stack(shares)


loops = torch.arange(1, LOOPS + 1)
fig, axes = plt.subplots(1, 2, figsize=(6.8, 3.2), layout="constrained")
measured, share = {}, {}
for number, kind in enumerate(KINDS):
    for inject in (False, True):
        size, share[kind, inject] = curves(kind, inject)
        key = ("none", "pre", "loop")[number] + "_inject" * inject
        style = {"color": f"C{number}", "linestyle": "-" if inject else "--"}
        axes[0].plot(loops, size.median(dim=0).values, **style)
        measured[f"{key}_size"] = size[:, -1].median()
        if number:
            axes[1].plot(loops, share[kind, inject].median(dim=0).values, **style)
            measured[f"{key}_share"] = share[kind, inject][:, -1].median()
            measured[f"{key}_low"] = share[kind, inject][:, -1].min()
            measured[f"{key}_high"] = share[kind, inject][:, -1].max()
axes[0].set(yscale="log", ylim=(0.3, 1e6), ylabel="size of the state")
axes[1].set(ylim=(0, 1.05), ylabel="share that differs between inputs")
for ax in axes:
    ax.set_xlabel("loops")
for number, kind in enumerate(KINDS):
    axes[0].plot([], [], color=f"C{number}", label=kind)
for linestyle, label in (("-", "injection"), ("--", "no injection")):
    axes[1].plot([], [], color="0.5", linestyle=linestyle, label=label)
axes[0].legend(loc="upper right")
axes[1].legend(loc="lower left")
fig.set_label(
    "Left, size of the state: without norms it leaves the panel, with pre-norm it "
    f"rises to {measured['pre_size']:.0f}, with a norm per loop it stays at "
    f"{measured['loop_size']:.1f}. Right, the share of the state that differs between "
    f"inputs: with injection {measured['pre_inject_share']:.2f} and "
    f"{measured['loop_inject_share']:.2f} after {LOOPS} loops, without it "
    f"{measured['pre_share']:.2f} and {measured['loop_share']:.2f}."
)

assert measured["none_size"] > 1e9
assert measured["none_inject_size"] > 1e9
assert 30 < measured["pre_size"] < 120
assert abs(measured["loop_size"] - 1) < 0.01
assert measured["loop_inject_low"] > measured["loop_high"]
measured = {key: value for key, value in measured.items() if "none" not in key}
