"""
Quantization: the error of four layers, rounded in three ways
=============================================================

Three bits, groups of 64. Three layers have random weights, three are the middle layers
of networks that read digits. A layer is judged on inputs that were not recorded.
"""

import matplotlib.pyplot as plt
import numpy as np
import torch

from snippets.inference.digits_network import trained_middle_layer
from snippets.inference.quantization import (
    awq,
    dequantize,
    gptq,
    output_error,
    round_to_nearest,
)

torch.manual_seed(0)
torch.set_num_threads(1)


def errors(weight, seen, unseen) -> dict[str, float]:
    sizes = {"group": 64, "bits": 3}
    scaled, factor = awq(weight, seen, **sizes)
    found = {
        "RTN": dequantize(round_to_nearest(weight, **sizes)),
        "AWQ": dequantize(scaled) / factor,
        "GPTQ": dequantize(gptq(weight, seen, **sizes)),
    }
    return {name: output_error(each, weight, unseen) for name, each in found.items()}


plain = torch.randn(1024, 256)
large = plain.clone()
large[:, [30, 100, 200]] *= 20
alike = torch.randn(1024, 32) @ torch.randn(32, 256) / 32**0.5 + 0.1 * plain
weight = torch.randn(128, 256) / 16
nets = [trained_middle_layer() for _ in range(3)]
layers = {
    "independent": (weight, plain[:512], plain[512:]),
    "three large": (weight, large[:512], large[512:]),
    "correlated": (weight, alike[:512], alike[512:]),
}
table = {name: errors(*layer) for name, layer in layers.items()}
digits = [errors(n.weight, n.inputs[n.seen], n.inputs[n.unseen]) for n in nets]
table["digits"] = {m: np.mean([row[m] for row in digits]) for m in digits[0]}
gain = {name: {m: row["RTN"] / row[m] for m in row} for name, row in table.items()}
assert 0.9 < gain["independent"]["AWQ"] < 1.1
assert 0.5 < gain["independent"]["GPTQ"] < 0.9  # it fits chance correlations
assert gain["three large"]["AWQ"] > 1.8 > 1 > gain["three large"]["GPTQ"]
assert gain["correlated"]["GPTQ"] > 3 > 1.5 > gain["correlated"]["AWQ"]
assert gain["digits"]["GPTQ"] > 10 > 3 > gain["digits"]["AWQ"] > 1.2

fig, ax = plt.subplots(figsize=(6.2, 3.4))
for shift, name in enumerate(("RTN", "AWQ", "GPTQ")):
    places = np.arange(4) + 0.27 * (shift - 1)
    ax.bar(places, [row[name] for row in table.values()], 0.25, label=name)
ax.set(xticks=range(4), xticklabels=table, yscale="log", ylabel="error of the output")
ax.set(xlabel="inputs of the layer", ylim=(3e-5, 0.6))
ax.legend(ncols=3, loc="upper center")
fig.set_label(
    "Bars of output error, logarithmic, for four layers and three methods. The error "
    "of RTN, divided by those of AWQ and GPTQ: "
    + ", ".join(
        f"{name} {row['AWQ']:.1f} and {row['GPTQ']:.1f}" for name, row in gain.items()
    )
    + "."
)
gains = {m: [row["RTN"] / row[m] for row in digits] for m in ("AWQ", "GPTQ")}
measured = {"digits_gain": min(gains["GPTQ"]), "digits_gain_most": max(gains["GPTQ"])}
measured |= {"digits_awq": min(gains["AWQ"]), "digits_awq_most": max(gains["AWQ"])}
