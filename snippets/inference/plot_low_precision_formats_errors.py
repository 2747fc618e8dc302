"""
Low-precision formats: rounding error of weights and of inputs with large channels
==================================================================================

512 rows of 1024 values. Weights are Gaussian. Inputs have a Student t distribution with
four degrees of freedom, and ten of their channels are 30 times larger than the others.
"""

import matplotlib.pyplot as plt
import torch

from snippets.inference.rounded_model import ROUNDINGS, stored_bits

torch.manual_seed(0)
weights = torch.randn(512, 1024)
inputs = torch.distributions.StudentT(4.0).sample((512, 1024))
large = torch.zeros(1024, dtype=torch.bool)
large[torch.randperm(1024)[:10]] = True
inputs[:, large] *= 30


def relative(near, exact):
    return ((near - exact).norm() / exact.norm()).item()


bits = {name: stored_bits(name, 1024) for name in ROUNDINGS}
error = {
    "Gaussian weights": {
        name: relative(f(weights), weights) for name, f in ROUNDINGS.items()
    },
    "inputs": {name: relative(f(inputs), inputs) for name, f in ROUNDINGS.items()},
    "inputs: the ordinary channels": {
        name: relative(f(inputs)[:, ~large], inputs[:, ~large])
        for name, f in ROUNDINGS.items()
    },
}
plain, whole, heavy = error.values()
assert 2 * plain["INT8"] < plain["FP8"]
assert 2 * plain["MXINT8"] < plain["MXFP8"]
assert 1.5 * whole["MXINT8"] < whole["MXFP8"]
assert heavy["INT8"] > 3 * heavy["FP8"]
assert heavy["MXINT8"] > 1.3 * heavy["MXFP8"]
assert plain["MXFP6 E2M3"] < 0.7 * plain["MXFP6 E3M2"]
assert heavy["MXFP6 E2M3"] > 1.3 * heavy["MXFP6 E3M2"]
assert plain["NVFP4"] < 0.9 * plain["MXFP4"]

fig, ax = plt.subplots(figsize=(6.4, 3.6))
order = sorted(ROUNDINGS, key=lambda name: (bits[name], name))
for marker, (title, row) in zip("o^s", error.items(), strict=True):
    ax.plot([row[name] for name in order], range(len(order)), marker, label=title)
ends = [[row[name] for name in order] for row in (plain, heavy)]
ax.hlines(range(len(order)), *ends, lw=1)
ax.set_yticks(range(len(order)), [f"{name}, {bits[name]:.2f} bits" for name in order])
ax.set(xlabel="relative error", xscale="log")
ax.legend()
fig.set_label(
    "Relative error of nine formats, on a logarithmic axis, for weights and inputs. "
    + " ".join(
        f"{title[0].upper() + title[1:]}: "
        + ", ".join(f"{name} {row[name]:.1%}" for name in order)
        + "."
        for title, row in error.items()
    )
)
measured = {
    "gauss_MXINT8": plain["MXINT8"],
    "gauss_MXFP8": plain["MXFP8"],
    "whole_MXINT8": whole["MXINT8"],
    "whole_MXFP8": whole["MXFP8"],
    "large_MXINT8": heavy["MXINT8"],
    "large_MXFP8": heavy["MXFP8"],
}
