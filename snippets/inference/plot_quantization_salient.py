"""
Quantization: which one percent of the columns to keep
======================================================

Three of 256 columns are not rounded, the others have three bits in groups of 64. The
columns are those of the largest inputs, of the largest weights, or random ones.
"""

import matplotlib.pyplot as plt
import numpy as np
import torch

from snippets.inference.digits_network import trained_middle_layer
from snippets.inference.quantization import dequantize, output_error, round_to_nearest

torch.manual_seed(0)
torch.set_num_threads(1)

plain = torch.randn(1024, 256)
plain[:, [30, 100, 200]] *= 20
digits = trained_middle_layer()
layers = {
    "three large inputs": (torch.randn(128, 256) / 16, *plain.split(512)),
    "digits": (
        digits.weight,
        *(digits.inputs[p] for p in (digits.seen, digits.unseen)),
    ),
}


def error_left(weight, unseen, size) -> float:
    """Error with the three largest of ``size`` kept, relative to none kept."""
    rounded = dequantize(round_to_nearest(weight, group=64, bits=3))
    mixed, kept = rounded.clone(), size.topk(3).indices
    mixed[:, kept] = weight[:, kept]
    return output_error(mixed, weight, unseen) / output_error(rounded, weight, unseen)


left = {
    name: {
        "largest inputs": error_left(weight, unseen, seen.abs().mean(dim=0)),
        "largest weights": error_left(weight, unseen, weight.norm(dim=0)),
        "random": np.mean(
            [error_left(weight, unseen, torch.rand(256)) for _ in range(20)]
        ),
    }
    for name, (weight, seen, unseen) in layers.items()
}
fig, ax = plt.subplots(figsize=(6.2, 2.8))
for shift, (name, row) in enumerate(left.items()):
    ax.bar(np.arange(3) + 0.4 * shift - 0.2, row.values(), 0.36, label=name)
ax.axhline(1, color="0.5", ls=":")
ax.set(xticks=range(3), xticklabels=row, xlabel="columns that are kept")
ax.set(ylabel="error left", ylim=(0, 1.35))
ax.legend(ncols=2)
fig.set_label(
    "Error that is left with three columns kept, relative to none. "
    + " ".join(
        f"{name}: " + ", ".join(f"{k} {v:.2f}" for k, v in row.items()) + "."
        for name, row in left.items()
    )
)
large, real = left.values()
measured = {
    "kept_large_inputs": large["largest inputs"],
    "kept_large_weights": large["largest weights"],
    "kept_digits_inputs": real["largest inputs"],
}
