"""
Quantization: perplexity of a small language model over bits
============================================================

A decoder with one layer of width 64 spells the 100 most frequent words of Python's help
texts, drawn at random. Its six linear layers are rounded in groups of 32. Means of
three trained models, bars from the least to the most; guessing has a perplexity of 27.
"""

import matplotlib.pyplot as plt
import numpy as np
import torch

from snippets.inference.quantization import dequantize, gptq, round_to_nearest
from snippets.inference.quantized_model import perplexity, quantized, record_inputs
from snippets.inference.spelled_words import (
    draw_texts,
    help_language,
    least_perplexity,
    trained_speller,
)

torch.set_num_threads(1)

BITS, SEEDS, LENGTH = (4, 3, 2), range(3), 33
random = torch.Generator().manual_seed(0)
language = help_language(100)
texts = draw_texts(language, 6000, LENGTH, random)
calibration = draw_texts(language, 100, LENGTH, random)
unseen = draw_texts(language, 500, LENGTH, random)
least = least_perplexity(language, unseen)


def rounded(model, recorded, method: str, bits: int) -> float:
    def rounding(weight, inputs):
        sizes = {"group": 32, "bits": bits}
        if method == "RTN":
            return dequantize(round_to_nearest(weight, **sizes))
        return dequantize(gptq(weight, inputs, **sizes))

    return perplexity(quantized(model, recorded, rounding), unseen)


full, found = [], {"RTN": [], "GPTQ": []}  # by seed, and by seed and bits
for seed in SEEDS:
    torch.manual_seed(seed)
    model = trained_speller(texts, steps=360)
    full.append(perplexity(model, unseen))
    recorded = record_inputs(model, calibration)
    for method, rows in found.items():
        rows.append([rounded(model, recorded, method, bits) for bits in BITS])
full = np.array(full)
lost = {method: np.array(rows) / full[:, None] - 1 for method, rows in found.items()}
mean = {method: rows.mean(axis=0) for method, rows in lost.items()}
assert full.max() < 1.04 * least  # trained until little is left to learn
assert np.all(lost["GPTQ"] < 0.7 * lost["RTN"])

fig, ax = plt.subplots(figsize=(6.2, 3.2))
for shift, (method, rows) in zip((-0.03, 0.03), lost.items(), strict=True):
    middle = 100 * mean[method]
    reach = np.abs(100 * np.array([rows.min(axis=0), rows.max(axis=0)]) - middle)
    places = np.array(BITS) + shift
    ax.errorbar(places, middle, reach, fmt="o-", capsize=3, label=method)
ax.set(xlabel="bits", ylabel="increase of perplexity (%)", xticks=BITS, yscale="log")
ax.legend()
fig.set_label(
    f"Increase of the perplexity of {full.mean():.2f}, logarithmic, with 4, 3 and 2 "
    "bits. "
    + " ".join(
        f"{method} " + ", ".join(f"{share:.2%}" for share in shares) + "."
        for method, shares in mean.items()
    )
)
measured = {"full": full.mean(), "least": least}
measured |= {
    f"{method}_{bits}": share
    for method, shares in mean.items()
    for bits, share in zip(BITS, shares, strict=True)
}
