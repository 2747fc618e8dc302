"""
KV cache: how many tokens and users fit on a device with 80 GB
==============================================================

Nine tenths of the memory are usable. The weights are stored in 16 bits, and so are keys
and values. Each user has 2048 tokens.
"""

import matplotlib.pyplot as plt

from snippets.inference.kv_cache import bytes_per_token, tokens_that_fit
from snippets.inference.published_decoders import published

names = [
    *("OPT-13B", "Llama 2 13B", "Llama 2 7B"),
    *("Llama 3 8B", "Mistral 7B", "Falcon 7B"),
]
fit = {name: tokens_that_fit(published(name), 80e9) for name in names}
assert fit["Llama 3 8B"] > 3.5 * fit["Llama 2 7B"]

fig, ax = plt.subplots(figsize=(6.2, 3))
by_kv_heads = {1: "C2", 8: "C1"}
colors = [by_kv_heads.get(published(name).kv_heads, "C0") for name in names]
bars = ax.barh(names, list(fit.values()), color=colors)
ax.bar_label(bars, [f"{count // 2048:,} users" for count in fit.values()], padding=3)
ax.set(xscale="log", xlim=(1e4, 1e8), xlabel="tokens that fit on 80 GB")
ax.invert_yaxis()
fig.set_label(
    "Bars of the tokens that fit, logarithmic: "
    + ", ".join(f"{name} {count:,}" for name, count in fit.items())
    + "."
)

opt = bytes_per_token(published("OPT-13B"))
measured = {"opt_token": opt / 2**10, "opt_request": 2048 * opt / 2**30}
