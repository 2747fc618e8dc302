"""
Resource accounting: operations and bytes, predicted and counted
================================================================

Figures for :doc:`/foundations/resource_accounting`: what six operations per parameter
leave out, how the state of training is split, what a layer keeps for its backward
pass, and how the memory of one step rises and falls.
"""

import matplotlib.pyplot as plt
import numpy as np
import torch
from torch import nn
from torch.nn.functional import gelu
from torch.utils._pytree import tree_leaves
from torch.utils.checkpoint import checkpoint
from torch.utils.flop_counter import FlopCounterMode

from snippets.foundations.peak_memory import PeakMemory
from snippets.foundations.resource_accounting import (
    Decoder,
    activation_bytes,
    matrix_parameters,
    state_bytes,
    training_flops,
    utilization,
)

torch.manual_seed(0)


class Layer(nn.Module):
    """A layer of GPT. ``again`` runs the attention, and may choose to forget it."""

    def __init__(self, d_model: int, heads: int):
        super().__init__()
        self.heads = heads
        self.norms = nn.ModuleList(nn.LayerNorm(d_model) for _ in range(2))
        self.qkv = nn.Linear(d_model, 3 * d_model)
        self.out = nn.Linear(d_model, d_model)
        self.up = nn.Linear(d_model, 4 * d_model)
        self.down = nn.Linear(4 * d_model, d_model)

    def attention(self, query, key, value):
        scores = query @ key.mT / query.shape[-1] ** 0.5
        return torch.native_dropout(scores.softmax(-1), 0.1, True)[0] @ value

    def forward(self, x, again=lambda attention, *parts: attention(*parts)):
        parts = self.qkv(self.norms[0](x)).unflatten(-1, (3, self.heads, -1))
        mixed = again(self.attention, *parts.permute(2, 0, 3, 1, 4))
        mixed = self.out(mixed.transpose(1, 2).flatten(2))
        x = x + torch.native_dropout(mixed, 0.1, True)[0]
        x_new = self.down(gelu(self.up(self.norms[1](x))))
        return x + torch.native_dropout(x_new, 0.1, True)[0]


def forget(run, *inputs):
    return checkpoint(run, *inputs, use_reentrant=True)


# %%
# What six operations per parameter leave out
# -------------------------------------------
# Points are counted by PyTorch, on tensors that have a shape and no memory; lines are
# predicted. The dotted line is six operations per parameter and token.


def counted(run, *inputs) -> int:
    with FlopCounterMode(display=False) as counter:
        run(*inputs).sum().backward()
    return counter.get_total_flops()


shapes = {"GPT-2 small": (12, 768), "GPT-2 XL": (48, 1600), "GPT-3": (96, 12288)}
lengths = 2 ** np.arange(7, 18)
error = 0
fig, ax = plt.subplots()
for color, (name, (layers, d_model)) in enumerate(shapes.items()):
    heads = d_model // 64
    sizes = {"heads": heads, "kv_heads": heads, "head_dim": 64, "d_ff": 4 * d_model}
    model = Decoder(
        layers=layers, d_model=d_model, vocab=50257, gated=False, biases=True, **sizes
    )
    with torch.device("meta"):
        layer, head = Layer(d_model, heads), nn.Linear(d_model, 50257, bias=False)
    ratios = []
    for seq in lengths.tolist():
        x = torch.empty(1, seq, d_model, device="meta", requires_grad=True)
        flops = layers * counted(layer, x) + counted(head, x)
        error = max(error, abs(flops - training_flops(model, 1, seq)))
        ratios.append(flops / (6 * matrix_parameters(model, 1) * seq))
    ax.plot(lengths, ratios, "o", color=f"C{color}", ms=5)
    predicted = 1 + lengths * 2 * layers * d_model / matrix_parameters(model, 1)
    ax.plot(lengths, predicted, color=f"C{color}", label=f"{name}, {d_model} wide")
    assert np.allclose(ratios, predicted)
    if d_model == 12288:
        short, long = ratios[4], ratios[-1]
assert error == 0

ax.axhline(1, color="0.5", ls=":")
ax.set_xscale("log", base=2)
ax.set_yscale("log", base=2)
ax.set_yticks([1, 2, 4, 8, 16], labels=["1", "2", "4", "8", "16"])
ax.set(xlabel="context (tokens)", ylabel="operations / (6 · parameters)")
ax.legend()
fig.set_label(
    "Three rising curves of operations per parameter and token over the context, from "
    "128 to 131072 tokens, in units of six. All start near 1; GPT-2 small doubles near "
    "6600 tokens, GPT-2 XL near 10000, GPT-3 near 74000. Points lie on the lines."
)

# %%
# The state, split
# ----------------
# A small network takes a step of Adam in mixed precision. Its tensors are cut into 64
# shares, as the stages of ZeRO do; the bytes of the first share are scaled to 7.5
# billion parameters.

weights = nn.Sequential(nn.Linear(256, 512), nn.Linear(512, 256)).bfloat16()
masters = [p.detach().float().requires_grad_() for p in weights.parameters()]
optimizer = torch.optim.Adam(masters)
weights(torch.randn(8, 256, dtype=torch.bfloat16)).square().mean().backward()
for master, weight in zip(masters, weights.parameters(), strict=True):
    master.grad = weight.grad.float()
optimizer.step()
states = {
    "weights": list(weights.parameters()),
    "gradients": [p.grad for p in weights.parameters()],
    "optimizer": masters + tree_leaves([*map(dict, optimizer.state.values())]),
}


def share(tensors, split: bool) -> float:
    first = [tensor.flatten().chunk(64 if split else 1)[0] for tensor in tensors]
    count = sum(p.numel() for p in weights.parameters())
    return 7.5 * sum(tensor.nbytes for tensor in first) / count


fig, ax = plt.subplots()
names = ["all on each", "optimizer", "+ gradients", "+ weights"]
bottom = np.zeros(4)
for position, (name, tensors) in enumerate(states.items()):
    height = [share(tensors, stage >= 3 - position) for stage in range(4)]
    ax.bar(names, height, bottom=bottom, label=name)
    bottom += height
for stage, total in enumerate(bottom):
    assert abs(total / (7.5 * state_bytes(stage, ranks=64)) - 1) < 0.01
    ax.text(stage, total + 2, f"{total:.1f}", ha="center")
ax.axhline(80, color="0.5", ls=":")
ax.text(3.4, 82, "a device of 80 GB", ha="right")
ax.set(xlabel="what is split among 64 devices", ylabel="memory per device (GB)")
ax.set(ylim=(0, 135))
ax.legend()
fig.set_label(
    "Four stacked bars of gigabytes per device. With everything on each device 120, of "
    "which the optimizer holds 90; 31.4 when its state is split, 16.6 with the "
    "gradients, 1.9 with the weights."
)

# %%
# What a layer keeps
# ------------------
# Points: the bytes of all tensors that autograd saved, each piece of memory once and
# the weights not at all. Lines: the formulas.


def kept(run, x, layer: Layer) -> int:
    saved, own = {}, {p.untyped_storage().data_ptr() for p in layer.parameters()}

    def note(tensor):
        saved[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        result = run(x)
    assert result.requires_grad
    return sum(part.nbytes() for at, part in saved.items() if at not in own)


d_model, heads, batch = 128, 4, 2
layer = Layer(d_model, heads).bfloat16()
runs = {
    "nothing": layer,
    "attention": lambda x: layer(x, forget),
    "layer": lambda x: forget(layer, x),
}
lengths = [16, 32, 64, 128, 256]
bytes_kept = {name: [] for name in runs}
for seq in lengths:
    x = torch.randn(batch, seq, d_model, dtype=torch.bfloat16, requires_grad=True)
    for name, run in runs.items():
        bytes_kept[name].append(kept(run, x, layer))

fig, ax = plt.subplots()
ratios = {}
for color, (name, found) in enumerate(bytes_kept.items()):
    predicted = [activation_bytes(batch, s, d_model, heads)[name] for s in lengths]
    ratios[name] = np.array(found) / predicted
    numbers = batch * np.array(lengths) * d_model
    ax.plot(lengths, predicted / numbers, color=f"C{color}", label=name)
    ax.plot(lengths, found / numbers, "o", color=f"C{color}")
    assert (ratios[name] >= 1).all()
    assert (ratios[name] < 1.003).all()
ax.set(xlabel="context (tokens)", ylabel="bytes kept / (tokens · width)", ylim=(0, 95))
ax.legend(title="recomputed")
fig.set_label(
    "Bytes kept per token and unit of width over the context: a line that rises from "
    "36.5 at 16 tokens to 74 at 256 when nothing is recomputed, a level line at 34 "
    "when attention is, one at 2 when the whole layer is. Points lie on the lines."
)

# %%
# One step, operation by operation
# --------------------------------
# Four layers, 32 bits, the second step of Adam. Every new piece of memory is added
# when an operation returns it, and subtracted when nothing refers to it any more.


class History(PeakMemory):
    def __init__(self, start: int):
        super().__init__()
        self.live, self.history = start, []

    def __torch_dispatch__(self, *call):
        result = super().__torch_dispatch__(*call)
        self.history.append(self.live)
        return result


def second_step(run):
    layers = nn.ModuleList(Layer(64, heads=4) for _ in range(4))
    optimizer = torch.optim.Adam(layers.parameters(), fused=True)
    size = sum(p.nbytes for p in layers.parameters())
    x = torch.randn(4, 64, 64, requires_grad=True)
    for start in (size, 3 * size):
        with History(start) as mode:
            y = x
            for layer in layers:
                y = run(layer, y)
            turn = len(mode.history)
            y.square().mean().backward()
            optimizer.step()
            optimizer.zero_grad()
            del y
    return 4 * np.array(mode.history) / size, turn / len(mode.history)


fig, ax = plt.subplots()
everything, turn = second_step(lambda layer, x: layer(x))
recomputed, turn_recomputed = second_step(forget)
for name, bytes_live in {"nothing": everything, "each layer": recomputed}.items():
    ax.plot(np.linspace(0, 1, len(bytes_live)), bytes_live, label=name)
for at, color in {turn: "C0", turn_recomputed: "C1"}.items():
    ax.axvline(at, color=color, ls=":")
ax.text(turn - 0.01, 2, "forward", ha="right", color="C0")
ax.text(turn + 0.01, 2, "backward, then Adam", color="C0")
ax.set(xlabel="share of the operations done", ylabel="bytes live per parameter")
ax.set(ylim=(0, None))
ax.legend(title="recomputed")
fig.set_label(
    "Bytes live per parameter during one step. Without recomputation they climb from "
    "12 to almost 48 near the end of the forward pass and fall to 16 during the "
    "backward pass, when gradients replace what was kept; the optimizer brings "
    "them back to 12. With recomputation a sawtooth stays below 27."
)
assert abs(everything[0] - 12) < 0.5
assert everything.max() > 1.7 * recomputed.max()
assert abs(everything[-3] - 16) < 0.6

palm = Decoder(
    layers=118,
    d_model=18432,
    heads=48,
    kv_heads=1,
    head_dim=256,
    d_ff=73728,
    vocab=256000,
    tied=True,
)
measured = {
    "palm": utilization(palm, 2048, tokens_per_second=238.3e3, peak=6144 * 275e12),
    "error": error,
    "short": short,
    "long": long,
    "stage_0": float(bottom[0]),
    "stage_1": float(bottom[1]),
    "stage_2": float(bottom[2]),
    "stage_3": float(bottom[3]),
    "nothing": float(ratios["nothing"].max()),
    "attention": float(ratios["attention"].max()),
    "layer": float(ratios["layer"].max()),
    "peak": float(everything.max()),
    "peak_recomputed": float(recomputed.max()),
}
