"""
Model FLOPs utilization of published training runs
==================================================

Sizes, tokens per second and peak rates are published; the share of the peak follows by
arithmetic. The dark part of a bar is what the weights need, the light part what the
products inside attention need.
"""

import matplotlib.pyplot as plt

from snippets.foundations.resource_accounting import (
    Decoder,
    matrix_parameters,
    utilization,
)


def llama(layers: int, d_model: int, heads: int, kv_heads: int, d_ff: int) -> Decoder:
    sizes = {"head_dim": 128, "vocab": 32000, "kv_heads": kv_heads, "d_ff": d_ff}
    return Decoder(layers=layers, d_model=d_model, heads=heads, **sizes)


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
A100, TPU_V4 = 312e12, 275e12  # FLOP/s in bfloat16, dense
hour = 3600
runs = {  # model, context, tokens per second, peak of what they took
    "PaLM 540B": (palm, 2048, 238.3e3, 6144 * TPU_V4),
    "Llama 2 7B": (llama(32, 4096, 32, 32, 11008), 4096, 2e12 / hour, 184_320 * A100),
    "Llama 2 13B": (llama(40, 5120, 40, 40, 13824), 4096, 2e12 / hour, 368_640 * A100),
    "Llama 2 70B": (llama(80, 8192, 64, 8, 28672), 4096, 2e12 / hour, 1_720_320 * A100),
}

fig, ax = plt.subplots(figsize=(6.2, 3))
whole, weights = {}, {}
for name, (model, seq, tokens_per_second, peak) in runs.items():
    whole[name] = utilization(model, seq, tokens_per_second, peak)
    weights[name] = 6 * matrix_parameters(model, experts=1) * tokens_per_second / peak
ax.barh(list(runs), weights.values(), color="C0", label="weights, 6N")
extra = [whole[name] - weights[name] for name in runs]
bars = ax.barh(list(runs), extra, left=weights.values(), color="C0", alpha=0.4)
bars.set_label("attention")
ax.bar_label(bars, [f" {share:.1%}" for share in whole.values()])
ax.invert_yaxis()
ax.set(xlabel="model FLOPs utilization (share of the peak)", xlim=(0, 0.85))
ax.legend(loc="lower right")
assert all(0.4 < share < 0.5 for share in whole.values())
fig.set_label(
    "Four bars of model FLOPs utilization, each with a small part for attention at "
    "its end: " + ", ".join(f"{name} {share:.1%}" for name, share in whole.items())
)
measured = {
    "palm": whole["PaLM 540B"],
    "palm_weights": weights["PaLM 540B"],
    "llama_least": min(share for name, share in whole.items() if "Llama" in name),
    "llama_most": max(share for name, share in whole.items() if "Llama" in name),
}
