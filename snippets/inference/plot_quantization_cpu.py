"""
Quantization: a layer of four bits, timed on this processor
===========================================================

PyTorch's own kernel for four bits against its product of bfloat16 numbers, a layer of
2048 by 2048, one thread. Dots are the least of 12 CPU times, bars reach to the median;
lines are the model, whose constants come from the first and the last dots.
"""

import matplotlib.pyplot as plt
import numpy as np
import torch

from snippets.inference.int4_kernel import cpu_times, is_available, packed_layer
from snippets.inference.quantization import dequantize, round_to_nearest
from snippets.inference.unpacking_cost import Machine, time_4, time_16

torch.manual_seed(0)
torch.set_num_threads(1)

SIZE, steps = 2048, [1, 2, 4, 8, 16, 32, 64, 128]
models = {16: time_16, 4: time_4}
weight = torch.randn(SIZE, SIZE)
rounded, wide = round_to_nearest(weight, group=128), weight.bfloat16()
if is_available():
    kinds = {16: lambda x: x @ wide.T, 4: packed_layer(rounded)}
    inputs = torch.randn(128, SIZE).bfloat16()
    right = inputs[:5].float() @ dequantize(rounded).T
    assert (kinds[4](inputs[:5]).float() - right).norm() < 0.01 * right.norm()
    times = {count: cpu_times(kinds, inputs[:count], 12) for count in steps}
else:  # the model of some machine stands in for the kernel
    some = Machine(flops=1e11, bandwidth=1e10, scalar=1e10, tokens_per_unpack=4)
    times = {
        n: {bits: [model(some, n, SIZE, SIZE)] for bits, model in models.items()}
        for n in steps
    }
least = {bits: np.array([min(times[n][bits]) for n in steps]) for bits in models}
middle = {bits: [np.median(times[n][bits]) for n in steps] for bits in models}
here = Machine(
    flops=2 * 128 * SIZE**2 / least[16][-1],
    bandwidth=2 * (SIZE**2 + 2 * SIZE) / least[16][0],
    scalar=2 * SIZE**2 * (128 // 4) / max(least[4][-1] - least[16][-1], 1e-9),
    tokens_per_unpack=4,
)
lines = {
    bits: np.array([model(here, n, SIZE, SIZE) for n in steps])
    for bits, model in models.items()
}
miss = {bits: (lines[bits] / least[bits])[:-1] for bits in models}

fig, ax = plt.subplots(figsize=(6.2, 3.6))
for color, bits in zip(("C0", "C1"), models, strict=True):
    reach = 1e3 * np.array([np.zeros(8), middle[bits] - least[bits]])
    ax.errorbar(steps, 1e3 * least[bits], reach, fmt="o", color=color, capsize=3)
    ax.plot(steps, 1e3 * lines[bits], color=color, label=f"{bits} bits")
ax.set(xscale="log", yscale="log", xlabel="tokens in a step", ylabel="CPU time (ms)")
ax.set_xticks(steps, steps)
ax.minorticks_off()
ax.legend()
ratio = least[16] / least[4]
fig.set_label(
    "CPU times of a layer with 16 and with 4 bits over the tokens in a step, both axes "
    "logarithmic: dots with error bars, and the model as lines. Four bits are "
    f"{ratio[0]:.1f} times as fast for one token and {ratio[-1]:.2f} times for 128."
)
measured = {"cpu_first": ratio[0], "cpu_last": ratio[-1]}
measured |= {"miss_least": miss[4].min(), "miss_most": miss[4].max()}
measured |= {"wide_least": miss[16][1:].min(), "wide_most": miss[16][1:].max()}
