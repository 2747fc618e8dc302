"""
What norms and input injection do to a loop
===========================================

A figure of :doc:`/transformers/looped_transformers`. A block with random weights is
applied 64 times, with and without norms and input injection. No training; eight starts.
"""

import matplotlib.pyplot as plt
import torch
from torch import nn

from snippets.transformers.looped_transformers import LoopedTransformer
from snippets.transformers.vit_layer import Layer

WIDTH, LOOPS, STARTS, INPUTS = 32, 64, 8, 16
KINDS = {"none": "no norm", "pre": "pre-norm", "loop": "pre-norm, norm per loop"}


def blocks(kind: str) -> list[nn.Module]:
    """A block with Xavier weights; its norms removed, or one more behind it."""
    layer = Layer(WIDTH, heads=1, d_ff=2 * WIDTH, eps=1e-5)
    for parameter in layer.parameters():
        if parameter.ndim == 2:
            nn.init.xavier_normal_(parameter)
    if kind == "none":
        layer.layernorm_before = layer.layernorm_after = nn.Identity()
    return [layer, nn.LayerNorm(WIDTH)] if kind == "loop" else [layer]


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
size, share = {}, {}  # of all starts, after each loop
for number, (kind, label) in enumerate(KINDS.items()):
    axes[0].plot([], [], color=f"C{number}", label=label)
    for inject, line in ((False, "--"), (True, "-")):
        size[kind, inject], share[kind, inject] = curves(kind, inject)
        style = {"color": f"C{number}", "linestyle": line}
        axes[0].plot(loops, size[kind, inject].median(dim=0).values, **style)
        if kind != "none":
            axes[1].plot(loops, share[kind, inject].median(dim=0).values, **style)
axes[0].set(yscale="log", ylim=(0.3, 1e6), ylabel="size of the state", xlabel="loops")
axes[1].set(ylim=(0, 1.05), ylabel="share that differs between inputs", xlabel="loops")
axes[1].plot([], [], "-", color="0.5", label="injection")
axes[1].plot([], [], "--", color="0.5", label="no injection")
axes[0].legend(loc="center right", handlelength=0.9, fontsize=10)
axes[1].legend(loc="lower left")
ends = {key: share[key][:, -1].median() for key in share}
pre, loop = (size[kind, False][:, -1].median() for kind in ("pre", "loop"))
fig.set_label(
    "Left, size of the state: without norms it leaves the panel, with pre-norm it "
    f"rises to {pre:.0f}, with a norm per loop it stays at {loop:.1f}. Right, the "
    f"share that differs between inputs after {LOOPS} loops: "
    f"{ends['pre', True]:.2f} and {ends['loop', True]:.2f} with injection, "
    f"{ends['pre', False]:.2f} and {ends['loop', False]:.2f} without."
)

measured = {"pre_size": pre, "loop_size": loop, "loop_share": ends["loop", False]}
measured["loop_low"], measured["loop_high"] = share["loop", False][:, -1].aminmax()
measured["loop_inject_low"] = share["loop", True][:, -1].min()
half = size["pre", False][:, LOOPS // 2 - 1].median()
assert 1.8 < pre / half < 2.3  # twice the loops, about twice the size
assert min(size["none", inject][:, -1].median() for inject in (False, True)) > 1e9
assert measured["loop_inject_low"] > measured["loop_high"]
