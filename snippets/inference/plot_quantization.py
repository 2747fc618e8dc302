"""
Quantization: who rounds best, and what unpacking costs
=======================================================

Figures for :doc:`/inference/quantization`: grids of groups, rounding errors of three
methods, a model of the time of a layer, and the time of a real one on this processor.
"""

from copy import deepcopy

import matplotlib.pyplot as plt
import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.nn.functional import cross_entropy

from snippets.inference.int4_kernel import cpu_times, is_available, packed_layer
from snippets.inference.quantization import (
    awq,
    bits_per_weight,
    dequantize,
    gptq,
    output_error,
    round_to_nearest,
)
from snippets.inference.server_costs import A100
from snippets.inference.unpacking_cost import (
    Machine,
    crossover,
    time_4,
    time_16,
    unpack_share,
)

torch.set_num_threads(1)
torch.manual_seed(0)

# %%
# One grid, or four
# -----------------
# A row of 64 weights, one of them large. Lines are the values that four bits can take,
# dots the weights.

row = 0.3 * torch.randn(1, 64)
row[0, 40] = 4.0

fig, axes = plt.subplots(2, sharex=True, sharey=True, figsize=(6.2, 4.4))
coarse = {}
for ax, group in zip(axes, (64, 16), strict=True):
    quantized = round_to_nearest(row, group=group)
    for number in range(64 // group):
        levels = torch.arange(16) - quantized.zero[0, number]
        levels = levels * quantized.scale[0, number]
        ax.hlines(levels, number * group, (number + 1) * group - 1, color="0.5", lw=0.7)
    ax.plot(row[0], "o", color="C0", ms=4)
    ax.plot(dequantize(quantized)[0], "_", color="C1", ms=8, mew=2)
    coarse[group] = (dequantize(quantized) - row).square().mean().sqrt().item()
    ax.set(ylabel="weight", ylim=(-1.2, 1.6))
    ax.set_title(f"groups of {group}", fontsize=10)
axes[1].set(xlabel="column")
fig.set_label(
    "Two panels of 64 weights over a grid of lines. With one group for all, a large "
    "weight, outside the panel, spreads the lines so far apart that most weights share "
    "a few of them; with groups of 16 only its neighbors suffer."
)
assert coarse[64] > 1.5 * coarse[16]

# %%
# Three ways to round
# -------------------
# Squared error of a layer's output, relative to the output, with three bits and groups
# of 64. Three layers are random, one is the middle of a network that reads digits.

images, labels = (torch.tensor(part) for part in load_digits(return_X_y=True))
images = (images / 16).float()


def train(seed: int) -> tuple[nn.Sequential, torch.Tensor, torch.Tensor]:
    torch.manual_seed(seed)
    learn, judge = torch.randperm(len(images)).tensor_split([1200])
    widths = [nn.Linear(64, 256), nn.Linear(256, 256), nn.Linear(256, 10)]
    model = nn.Sequential(widths[0], nn.ReLU(), widths[1], nn.ReLU(), widths[2])
    optimizer = torch.optim.AdamW(model.parameters(), 2e-3, foreach=True)
    for _ in range(250):
        batch = learn[torch.randint(len(learn), (64,))]
        optimizer.zero_grad()
        cross_entropy(model(images[batch]), labels[batch]).backward()
        optimizer.step()
    return model.requires_grad_(False), learn, judge


def scaled(weight, inputs, **sizes) -> torch.Tensor:
    quantized, factor = awq(weight, inputs, **sizes)
    return dequantize(quantized) / factor


methods = {
    "nearest": lambda weight, _, **sizes: dequantize(round_to_nearest(weight, **sizes)),
    "AWQ": scaled,
    "GPTQ": lambda *data, **sizes: dequantize(gptq(*data, **sizes)),
}


def errors(weight, seen, unseen, bits: int = 3) -> dict[str, float]:
    return {
        name: output_error(method(weight, seen, group=64, bits=bits), weight, unseen)
        for name, method in methods.items()
    }


plain = torch.randn(1024, 256)
large = plain.clone()
large[:, [30, 100, 200]] *= 20
alike = torch.randn(1024, 32) @ torch.randn(32, 256) / 32**0.5 + 0.1 * plain
weight = torch.randn(128, 256) / 16
networks = [train(seed) for seed in range(2)]
model, learn, judge = networks[0]
hidden = model[1](model[0](images))
layers = {
    "independent": (weight, plain[:512], plain[512:]),
    "three large": (weight, large[:512], large[512:]),
    "correlated": (weight, alike[:512], alike[512:]),
    "digits": (model[2].weight, hidden[learn], hidden[judge]),
}
table = {name: errors(*layer) for name, layer in layers.items()}
ratio = {
    name: {method: row["nearest"] / row[method] for method in row}
    for name, row in table.items()
}
assert 0.9 < ratio["independent"]["AWQ"] < 1.1
assert 0.5 < ratio["independent"]["GPTQ"] < 0.9  # it believes in chance
assert ratio["three large"]["AWQ"] > 1.8 > 1 > ratio["three large"]["GPTQ"]
assert ratio["correlated"]["GPTQ"] > 3 > 1.5 > ratio["correlated"]["AWQ"]
assert ratio["digits"]["GPTQ"] > 10 > 3 > ratio["digits"]["AWQ"] > 1.2

fig, ax = plt.subplots(figsize=(6.2, 3.4))
for shift, name in enumerate(methods):
    places = np.arange(4) + 0.27 * (shift - 1)
    ax.bar(places, [row[name] for row in table.values()], 0.25, label=name)
ax.set(xticks=range(4), xticklabels=table, yscale="log", ylabel="error of the output")
ax.set(xlabel="inputs of the layer", ylim=(3e-5, 0.6))
ax.legend(ncols=3, loc="upper center")
fig.set_label(
    "Groups of three bars, logarithmic. Independent inputs: all equal. Three large "
    "inputs: AWQ lower. Correlated inputs: GPTQ lower. Digits: AWQ a little lower, "
    "GPTQ more than ten times lower."
)


def accuracy(network: tuple, method, bits: int) -> float:
    model, learn, judge = network
    model = deepcopy(model)
    for place in (0, 2, 4):
        inputs = model[:place](images[learn])
        found = method(model[place].weight, inputs, group=64, bits=bits)
        model[place].weight.data = found
    return (model(images[judge]).argmax(dim=1) == labels[judge]).float().mean().item()


def mean_accuracy(method, bits: int = 0) -> float:
    return float(np.mean([accuracy(each, method, bits) for each in networks]))


correct = {
    f"{name}_{bits}": mean_accuracy(methods[name], bits)
    for name in ("nearest", "GPTQ")
    for bits in (3, 2)
}
full = mean_accuracy(lambda weight, *_, **__: weight)
assert abs(full - correct["GPTQ_3"]) < 0.015
assert full > 0.95


def kept(layer: str, choice: torch.Tensor) -> float:
    weight, _, unseen = layers[layer]
    mixed = methods["nearest"](weight, None, group=64, bits=3)
    mixed[:, choice] = weight[:, choice]
    return output_error(mixed, weight, unseen)


saved = {}
for name in ("three large", "digits"):
    weight, seen, _ = layers[name]
    sizes = {"inputs": seen.abs().mean(dim=0), "weights": weight.norm(dim=0)}
    for kind, size in {**sizes, "random": torch.rand(256)}.items():
        left = kept(name, size.topk(3).indices) / table[name]["nearest"]
        saved[f"{name.split()[-1]}_{kind}"] = left

young, old = (part[labels[part] < 5] for part in (learn, judge))
old = judge[labels[judge] >= 5]
alien = errors(model[2].weight, hidden[young], hidden[old])
native = errors(model[2].weight, hidden[learn[labels[learn] >= 5]], hidden[old])

# %%
# A model of the time
# -------------------
# Speed-up of four bits over sixteen, for a layer of 8192 by 8192 on an A100, when a
# weight is unpacked for 4, 16 or 128 tokens at a time.

a100 = {
    count: Machine(
        flops=A100.mfu * A100.peak,
        bandwidth=A100.mbu * A100.bandwidth,
        scalar=A100.mfu * A100.general_peak,
        tokens_per_unpack=count,
    )
    for count in (128, 16, 4)
}
tokens = 2 ** np.arange(9)
speed = {
    count: [
        time_16(machine, n, 8192, 8192) / time_4(machine, n, 8192, 8192)
        for n in tokens.tolist()
    ]
    for count, machine in a100.items()
}
assert all(3.7 < line[0] < 3.8 for line in speed.values())

fig, ax = plt.subplots(figsize=(6.2, 3.2))
for count, line in speed.items():
    ax.plot(tokens, line, "o-", label=f"{count} tokens per unpacking")
ax.axhline(1, color="0.5", ls=":")
ax.set(xscale="log", xlabel="tokens in a step", ylabel="speed-up", ylim=(0, 4.2))
ax.set_xticks(tokens, tokens)
ax.minorticks_off()
ax.legend()
fig.set_label(
    "Three falling lines of speed-up over the tokens in a step. All start near 3.8; "
    f"they fall below 1 at {crossover(a100[4], 8192, 8192)} tokens with 4 tokens per "
    f"unpacking, at {crossover(a100[16], 8192, 8192)} with 16 and at "
    f"{crossover(a100[128], 8192, 8192)} with 128."
)

# %%
# On this processor
# -----------------
# PyTorch's own kernel for four bits against its product of bfloat16 numbers, a layer of
# 2048 by 2048, one thread. Dots are the least of 12 CPU times, bars reach to the
# median; lines are the model, whose constants come from the first and the last dot.

SIZE = 2048
weight = torch.randn(SIZE, SIZE)
rounded, wide = round_to_nearest(weight, group=128), weight.bfloat16()
steps = [1, 2, 4, 8, 16, 32, 64, 128]
if is_available():
    kinds = {16: lambda x: x @ wide.T, 4: packed_layer(rounded)}
    inputs = torch.randn(128, SIZE).bfloat16()
    right = inputs[:5].float() @ dequantize(rounded).T
    assert (kinds[4](inputs[:5]).float() - right).norm() < 0.01 * right.norm()
    times = {count: cpu_times(kinds, inputs[:count], 12) for count in steps}
else:  # the model of the A100 stands in for the kernel
    models = {16: time_16, 4: time_4}
    times = {
        count: {bits: [models[bits](a100[4], count, SIZE, SIZE)] for bits in models}
        for count in steps
    }
least = {bits: [min(times[n][bits]) for n in steps] for bits in (16, 4)}
middle = {bits: [np.median(times[n][bits]) for n in steps] for bits in (16, 4)}
flops = 2 * 128 * SIZE**2 / least[16][-1]
extra = max(least[4][-1] - least[16][-1], 1e-9)
here = Machine(
    flops=flops,
    bandwidth=2 * (SIZE**2 + 2 * SIZE) / least[16][0],
    scalar=2 * SIZE**2 * (128 // 4) / extra,
    tokens_per_unpack=4,
)
model_times = {
    16: [time_16(here, n, SIZE, SIZE) for n in steps],
    4: [time_4(here, n, SIZE, SIZE) for n in steps],
}
miss = np.array(model_times[4][:-1]) / least[4][:-1]

fig, ax = plt.subplots(figsize=(6.2, 3.6))
for color, bits in zip(("C0", "C1"), (16, 4), strict=True):
    reach = 1e3 * np.array([np.zeros(8), np.subtract(middle[bits], least[bits])])
    ax.errorbar(
        steps, 1e3 * np.array(least[bits]), reach, fmt="o", color=color, capsize=3
    )
    ax.plot(steps, 1e3 * np.array(model_times[bits]), color=color, label=f"{bits} bits")
ax.set(xscale="log", yscale="log", xlabel="tokens in a step", ylabel="CPU time (ms)")
ax.set_xticks(steps, steps)
ax.minorticks_off()
ax.legend()
fig.set_label(
    "Times of a layer with 16 and with 4 bits over the tokens in a step, logarithmic: "
    "dots with error bars, and the model as lines. Four bits start lower and rise "
    "earlier; where the lines cross, unpacking has eaten what reading has saved."
)

measured = {
    "coarse": coarse[64] / coarse[16],
    **{f"{a.split()[-1]}_{b}": ratio[a][b] for a in ratio for b in ("AWQ", "GPTQ")},
    **correct,
    "full": full,
    **{f"kept_{name}": value for name, value in saved.items()},
    "two_bits": errors(*layers["digits"], bits=2)["GPTQ"]
    / errors(*layers["digits"], bits=4)["nearest"],
    **{f"alien_{name}": alien[name] / native[name] for name in ("AWQ", "GPTQ")},
    "alien_lead": alien["AWQ"] / alien["GPTQ"],
    "fewer_bytes": 16 / bits_per_weight(4, 128),
    **{f"speed_{n}": speed[128][int(np.log2(n))] for n in (1, 16, 32, 64, 128)},
    "share_128": unpack_share(a100[128]),
    "share_16": unpack_share(a100[16]),
    "share_4": unpack_share(a100[4]),
    "cross_128": crossover(a100[128], 8192, 8192),
    "cross_4": crossover(a100[4], 8192, 8192),
    "cpu_first": least[16][0] / least[4][0],
    "cpu_last": least[16][-1] / least[4][-1],
    "cpu_share": unpack_share(here),
    "miss_least": float(miss.min()),
    "miss_most": float(miss.max()),
}
