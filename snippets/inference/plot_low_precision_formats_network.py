"""
Low-precision formats: what a small language model loses
========================================================

Decoders with one layer of width 64 spell frequent words of Python's help texts. All
linear layers but the head are rounded. Three models; guessing has a perplexity of 27.
"""

import matplotlib.pyplot as plt
import torch

from snippets.inference.quantized_model import perplexity
from snippets.inference.rounded_model import (
    ROUNDINGS,
    log_probabilities,
    rounded,
    with_large_channels,
)
from snippets.inference.spelled_words import (
    draw_texts,
    help_language,
    least_perplexity,
    trained_speller,
)

torch.set_num_threads(1)
# texts and models are those of the figure quantization.perplexity
random = torch.Generator().manual_seed(0)
language = help_language(100)
texts, _, unseen = (draw_texts(language, n, 33, random) for n in (6000, 100, 500))
CASES = ("weights", "weights and inputs", "the same, two large channels")
more = {case: {name: [] for name in ROUNDINGS} for case in CASES}
full = []
for seed in range(3):
    torch.manual_seed(seed)
    model = trained_speller(texts, steps=360)
    full.append(perplexity(model, unseen))
    large, text = with_large_channels(model, [5, 40], 30.0), unseen[:60, :-1]
    before = log_probabilities(model, text)
    assert torch.allclose(log_probabilities(large, text), before, atol=1e-3)
    for name, f in ROUNDINGS.items():
        models = rounded(model, f), rounded(model, f, f), rounded(large, f, f)
        for case, changed in zip(CASES, models, strict=True):
            after = log_probabilities(changed, text)
            divergence = (before.exp() * (before - after)).sum(dim=-1).mean()
            more[case][name].append(divergence.expm1().item())

assert max(full) < 1.04 * least_perplexity(language, unseen)
mean = {c: {n: sum(v) / 3 for n, v in row.items()} for c, row in more.items()}
_, both, heavy = mean.values()
for name, loss in both.items():
    steady = name in ("FP8", "MXFP8", "MXFP6 E3M2")
    assert heavy[name] < 1.5 * loss if steady else heavy[name] > 8 * loss
for kind in ("", "MX"):
    assert both[kind + "INT8"] < 0.5 * both[kind + "FP8"]
    assert heavy[kind + "INT8"] > 2 * heavy[kind + "FP8"]
for row in mean.values():
    assert row["MXFP4"] > 1.2 * row["NVFP4"] > 2 * row["MXFP6 E3M2"] > 2 * row["MXFP8"]

fig, ax = plt.subplots(figsize=(6.4, 3.6))
for marker, color, (case, rows) in zip("osD", range(3), more.items(), strict=True):
    for place, runs in enumerate(rows.values()):
        percent, label = [100 * run for run in runs], None if place else case
        ax.plot([place] * 3, percent, marker, color=f"C{color}", ms=5, label=label)
names = [name.replace(" ", "\n") for name in ROUNDINGS]
ax.set_xticks(range(9), names, fontsize="small")
ax.set(yscale="log", ylabel="increase of perplexity (%)", ylim=(4e-4, 5e3))
ax.legend(title="rounded", loc="upper left")
lists = {
    c: ", ".join(f"{n} {v:.3%}" for n, v in row.items()) for c, row in mean.items()
}
fig.set_label(
    "Increase of the perplexity by rounding to nine formats, on a logarithmic axis, "
    "three models each. Means: " + ". ".join(f"{c}: {row}" for c, row in lists.items())
)
measured = {"perplexity": sum(full) / 3, "INT4_weights": mean[CASES[0]]["INT4"]}
measured["large_E2M3"] = heavy["MXFP6 E2M3"]
for name in ("INT8", "FP8", "MXINT8", "MXFP8", "MXFP6 E3M2", "NVFP4", "MXFP4"):
    short = name.split()[-1]
    measured |= {f"both_{short}": both[name], f"large_{short}": heavy[name]}
