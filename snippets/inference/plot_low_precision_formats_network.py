"""
Low-precision formats: how far the predictions of a small language model move
=============================================================================

Decoders with two layers of width 64 predict letters of Python's help texts. All linear
layers but the head are rounded. Three models, trained from three seeds.
"""

import matplotlib.pyplot as plt
import torch

from snippets.inference.letter_models import trained_decoder, training_letters
from snippets.inference.rounded_model import (
    ROUNDINGS,
    log_probabilities,
    rounded,
    with_large_channels,
)

torch.set_num_threads(1)

letters = training_letters()
unseen = letters[180_000 : 180_000 + 49 * 30].view(30, 49)
text, after = unseen[:, :-1], unseen[:, 1:, None]
cases = ("weights", "weights and inputs", "the same, two large channels")
shift = {case: {name: [] for name in ROUNDINGS} for case in cases}
growth = {case: {name: [] for name in ROUNDINGS} for case in cases}
losses = []
for seed in range(3):
    torch.manual_seed(seed)
    model = trained_decoder(letters[:180_000], steps=90, layers=2)
    large = with_large_channels(model, [5, 40], 30.0)
    before = log_probabilities(model, text)
    assert torch.allclose(log_probabilities(large, text), before, atol=1e-3)
    losses.append(-before.gather(2, after).mean())
    for name, f in ROUNDINGS.items():
        models = rounded(model, f), rounded(model, f, f), rounded(large, f, f)
        for case, changed in zip(cases, models, strict=True):
            found = log_probabilities(changed, text)
            moved = (before.exp() * (before - found)).sum(dim=-1).mean()
            shift[case][name].append(moved.item())
            loss = -found.gather(2, after).mean()
            growth[case][name].append((loss - losses[-1]).expm1().item())

mean = {c: {n: sum(v) / 3 for n, v in row.items()} for c, row in shift.items()}
grown = [{n: sum(v) / 3 for n, v in growth[case].items()} for case in cases[1:]]
assert max(abs(row[name]) for row in grown for name in ("INT8", "FP8")) < 0.005
for seed in range(3):
    one = {case: {n: v[seed] for n, v in shift[case].items()} for case in cases}
    for case in cases:
        row = one[case]
        assert row["MXFP4"] > (1.1 if case == "weights" else 1.4) * row["NVFP4"]
        assert row["NVFP4"] > 2 * row["MXFP6 E3M2"] > 2 * row["MXFP8"]
    assert one[cases[1]]["INT8"] < 0.5 * one[cases[1]]["FP8"]
    assert one[cases[2]]["INT8"] > 1.5 * one[cases[2]]["FP8"]

fig, ax = plt.subplots(figsize=(6.4, 3.6))
for marker, color, (case, rows) in zip("osD", range(3), shift.items(), strict=True):
    for place, runs in enumerate(rows.values()):
        label = case if place == 0 else None
        ax.plot([place] * 3, runs, marker, color=f"C{color}", ms=5, label=label)
names = [name.replace(" ", "\n") for name in ROUNDINGS]
ax.set(yscale="log", ylabel="divergence (nats per letter)", ylim=(2e-6, 10))
ax.set_xticks(range(len(names)), names, fontsize="small")
ax.legend(title="rounded", loc="upper left")
fig.set_label(
    "Divergence of the rounded model's predictions for nine formats, on a logarithmic "
    "axis, three models each. Means: "
    + " ".join(
        f"{case}: " + ", ".join(f"{n} {v:.1e}" for n, v in row.items()) + "."
        for case, row in mean.items()
    )
)
measured = {"perplexity": torch.stack(losses).mean().exp()}
both, large = (mean[case] for case in cases[1:])
measured |= {"inputs_INT8": both["INT8"], "inputs_FP8": both["FP8"]}
measured |= {"large_INT8_nats": large["INT8"], "large_FP8_nats": large["FP8"]}
for key, row in zip(("inputs", "large"), grown, strict=True):
    for name in ("MXFP8", "MXFP6 E3M2", "MXFP4"):
        measured[f"{key}_{name[:5]}_growth"] = row[name]
