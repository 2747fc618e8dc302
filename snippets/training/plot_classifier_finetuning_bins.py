"""
What the expected calibration error depends on, besides calibration
===================================================================

A figure of :doc:`/training/classifier_finetuning`. The labels are drawn by the program,
so the true calibration error is known. With many bins and few texts, the error of a
perfect model seems large; with one bin, the error of a bad model can seem zero.
"""

import matplotlib.pyplot as plt
import torch

from snippets.training.calibration import expected_calibration_error

SIZES, BINS, REPEATS = [50, 100, 200, 500, 1000, 2000, 5000], [1, 5, 15, 50], 60
OFF = 0.1  # too sure below a confidence of 0.7, not sure enough above it

torch.manual_seed(0)


def mean_error(size: int, bins: int, off: float) -> torch.Tensor:
    errors = []
    for _ in range(REPEATS):
        sure = 0.5 + 0.4 * torch.rand(size, 1, dtype=torch.float64)  # of 0
        true = (sure + off * (sure - 0.7).sign())[:, 0]
        labels = (torch.rand(size) > true).long()
        logits = torch.cat([sure, 1 - sure], dim=1).log()
        errors.append(expected_calibration_error(logits, labels, bins))
    return torch.stack(errors).mean()


found = torch.tensor(
    [[[mean_error(n, b, off) for n in SIZES] for b in BINS] for off in (0.0, OFF)]
)
fig, axes = plt.subplots(1, 2, figsize=(6.8, 3.0), sharey=True, layout="constrained")
titles = ["perfectly calibrated", f"off by {OFF:g} everywhere"]
for ax, curves, level, title in zip(axes, found, (0.0, OFF), titles, strict=True):
    for number, (curve, bins) in enumerate(zip(curves, BINS, strict=True)):
        name = f"{bins} bins" if bins > 1 else "1 bin"
        ax.semilogx(SIZES, curve, f"C{number}", marker="o^sD"[number], label=name)
    ax.axhline(level, color="0.5", linestyle="--")
    ax.set(xlabel="texts", title=title)
axes[0].set_ylabel("ECE, mean")
fig.legend(*axes[0].get_legend_handles_labels(), loc="outside right center")
ends = found[:, :, [0, -1]]
fig.set_label(
    "Error by number of texts, one curve for each number of bins (in brackets). "
    + " ".join(
        f"{title.capitalize()}: "
        + ", ".join(
            f"{few:.2f} to {many:.2f} ({bins})"
            for bins, (few, many) in zip(BINS, rows, strict=True)
        )
        + f"; truth {level:g}."
        for title, rows, level in zip(titles, ends, (0.0, OFF), strict=True)
    )
)
measured = {
    "bias_few": found[0, BINS.index(15), SIZES.index(100)],
    "bias_many": found[0, BINS.index(15), SIZES.index(5000)],
    "hidden": found[1, BINS.index(1), -1],
    "seen": found[1, BINS.index(15), -1],
}
assert measured["bias_few"] > 0.05 > 5 * measured["bias_many"] / 2
assert measured["hidden"] < OFF / 4 < OFF * 0.8 < measured["seen"]
