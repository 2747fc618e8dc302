"""
Low-precision formats: what a power of two costs as the scale of a block
========================================================================

Gaussian values in four bits. On the left, blocks sorted by their peak; on the right,
blocks of 8 to 64 values with both kinds of scale.
"""

from itertools import pairwise

import matplotlib.pyplot as plt
import numpy as np
import torch

from snippets.inference.low_precision_formats import (
    E2M1,
    dequantize,
    mx_quantize,
    nvfp4_quantize,
)

torch.manual_seed(0)
values = torch.randn(2048, 1024)
kinds = {
    "power of two": lambda x, block: dequantize(mx_quantize(x, E2M1, block), E2M1),
    "E4M3": lambda x, block: dequantize(nvfp4_quantize(x, block), E2M1),
}
near = {(kind, k): f(values, k) for kind, f in kinds.items() for k in (64, 32, 16, 8)}
error = {
    key: ((found - values).norm() / values.norm()).item() for key, found in near.items()
}
assert error["E4M3", 16] < 0.97 * error["E4M3", 32]
assert error["power of two", 16] > error["power of two", 32]
assert error["power of two", 16] < 1.1 * error["power of two", 32]

fig, (left, right) = plt.subplots(1, 2, figsize=(6.4, 3.2))
split = values.unflatten(1, (-1, 32))
peak = split.abs().amax(dim=-1)
place = 4 * peak / 2 ** peak.log2().floor()  # the peak in units of the power of two
edges = np.linspace(4, 8, 17)
step = {}
for marker, kind in zip("os", kinds, strict=True):
    off = (near[kind, 32] - values).unflatten(1, (-1, 32)).square().sum(dim=-1)
    size = split.square().sum(dim=-1)
    inside = [(place >= low) & (place < high) for low, high in pairwise(edges)]
    row = np.array([(off[part].sum() / size[part].sum()).sqrt() for part in inside])
    left.plot((edges[1:] + edges[:-1]) / 2, row, marker + "-", ms=3, label=kind)
    step[kind] = row
assert step["power of two"].max() > 1.35 * step["power of two"].min()
assert step["E4M3"].max() < 1.07 * step["E4M3"].min()
left.axvline(6, ymax=0.7, color="0.5", ls=":")
left.set(xlabel="peak of the block / power-of-two scale", ylabel="relative error")
left.legend(title="scale, blocks of 32")
for marker, kind in zip("os", kinds, strict=True):
    row = {k: e for (name, k), e in error.items() if name == kind}
    right.plot(row.keys(), row.values(), marker + "-", ms=4)
right.set_xscale("log", base=2)
right.set_xticks([8, 16, 32, 64], [8, 16, 32, 64])
right.set(xlabel="values in a block", ylabel="relative error")
fig.set_label(
    "Left: relative error over the peak of a block in units of its power of two. With "
    f"a power of two as the scale it varies from {step['power of two'].min():.3f} to "
    f"{step['power of two'].max():.3f} and rises toward 8; a dotted line at 6 marks "
    f"where clipping begins. With E4M3: {step['E4M3'].min():.3f} to "
    f"{step['E4M3'].max():.3f}. Right: the error over the size of a block. "
    + ", ".join(f"{kind}, {k}: {value:.3f}" for (kind, k), value in error.items())
    + "."
)
measured = {
    f"{'two' if kind[0] == 'p' else kind}_{k}": error[kind, k]
    for kind in kinds
    for k in (32, 16)
}
