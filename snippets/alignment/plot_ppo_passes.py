"""
Many steps on one batch, with and without clipping
==================================================

Figure of :doc:`/alignment/ppo`: the exact expected reward of small policies when each
batch serves 1 to 64 steps, for three learning rates.
"""

import matplotlib.pyplot as plt
import torch

from snippets.alignment.step_ppo import train

torch.manual_seed(1)
RUNS, BATCHES = 16, 25
STEPS = (1, 4, 16, 64)
RATES = (0.03, 0.1, 0.3)
EPSILONS = {"clipped": 0.2, "not clipped": 1e9}

courses = [train(tuple(EPSILONS.values()), n, RATES, RUNS, BATCHES) for n in STEPS]
end = torch.stack([course.rewards[-1] for course in courses], 1)
mean = end.mean(-1)  # rates, steps, epsilons
moved = torch.stack([course.moved[0].mean(-1) for course in courses], 1)
outside = torch.stack([course.outside[0].mean(-1) for course in courses], 1)

fig, axes = plt.subplots(1, 3, figsize=(6.8, 3), layout="constrained", sharey=True)
for ax, rate, row in zip(axes, RATES, end, strict=True):
    for n, name in enumerate(EPSILONS):
        center, low, high = row[:, n].mean(1), row[:, n].amin(1), row[:, n].amax(1)
        bars = torch.stack((center - low, high - center))
        beside = torch.tensor(STEPS) * 1.1 ** (2 * n - 1)
        style = f"C{n}" + ["o-", "s--"][n]
        ax.errorbar(beside, center, bars, fmt=style, capsize=3, label=name)
    ax.axhline(1 / 8, color="0.5", linestyle=":")
    ax.set(xscale="log", ylim=(-0.03, 1.03))
    ax.set_xticks(STEPS, map(str, STEPS))
    ax.minorticks_off()
    ax.set_title(f"learning rate {rate}", fontsize=11)
axes[0].set(ylabel="expected reward")
axes[1].set(xlabel="steps on each batch")
fig.legend(*axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=2)


def listed(row: torch.Tensor) -> str:
    return ", ".join(f"{x:.2f}" for x in row)


fig.set_label(
    f"Expected reward after {BATCHES} batches with 1, 4, 16, and 64 steps each, mean "
    f"of {RUNS} runs. "
    + " ".join(
        f"Learning rate {rate}: clipped {listed(row[:, 0])}; not clipped "
        f"{listed(row[:, 1])}."
        for rate, row in zip(RATES, mean, strict=True)
    )
)
gap = mean[..., 0] - mean[..., 1]
gap_error = (end.var(-1).sum(-1) / RUNS).sqrt()
measured = {"four_free": mean[1, 1, 1]}
measured |= {"once": mean[1, 0, 0], "once_large": mean[2, 0, 0]}
measured |= {"many": mean[1, 3, 0], "many_free": mean[1, 3, 1]}
measured |= {"many_large": mean[2, 3, 0], "many_large_free": mean[2, 3, 1]}
measured |= {"some_large": mean[2, 2, 0], "some_large_free": mean[2, 2, 1]}
measured |= {"gap": gap[1, 3], "gap_error": gap_error[1, 3]}
measured |= {"moved": moved[1, 3, 0], "moved_free": moved[1, 3, 1]}
measured |= {"outside": outside[1, 3, 0]}
assert measured["gap"] > 2 * measured["gap_error"]
assert gap[2, 2] > 2 * gap_error[2, 2]
assert mean[1:, 3, 0].max() < 0.95 < mean[2, 0, 0]
assert 4 * moved[1, 3, 0] < moved[1, 3, 1]
