"""
Many steps on one batch, with and without clipping
==================================================

Figure of :doc:`/alignment/ppo`: the exact expected reward of small policies when each
batch serves 1 to 64 steps, and how far the first batch moves the policy.
"""

import matplotlib.pyplot as plt
import torch

from snippets.alignment.step_ppo import train

torch.manual_seed(1)  # with 0, the settings were chosen
RUNS, BATCHES = 12, 25
STEPS = (1, 4, 16, 64)
EPSILONS = {"clipped": 0.2, "not clipped": 1e9}

courses = [train(tuple(EPSILONS.values()), n, RUNS, BATCHES) for n in STEPS]
end = torch.stack([course.rewards[-1] for course in courses])  # steps, epsilons, runs
moved = torch.stack([course.moved[0].mean(1) for course in courses])
outside = torch.stack([course.outside[0].mean(1) for course in courses])

fig, (left, side) = plt.subplots(1, 2, figsize=(6.8, 3), layout="constrained")
for n, name in enumerate(EPSILONS):
    center, low, high = end[:, n].mean(1), end[:, n].amin(1), end[:, n].amax(1)
    bars = torch.stack((center - low, high - center))
    beside = torch.tensor(STEPS) * 1.1 ** (2 * n - 1)
    style = f"C{n}" + ["o-", "s--"][n]
    left.errorbar(beside, center, bars, fmt=style, capsize=3, label=name)
    side.plot(STEPS, moved[:, n], style)
left.axhline(1 / 8, color="0.5", linestyle=":")
left.set(ylabel="expected reward", ylim=(-0.03, 1.03))
side.set(ylabel="KL divergence (nats)", yscale="log")
left.legend(loc="lower left", bbox_to_anchor=(0, 0.12))
for ax in (left, side):
    ax.set(xlabel="steps on each batch", xscale="log")
    ax.set_xticks(STEPS, map(str, STEPS))
    ax.minorticks_off()
listed = [", ".join(f"{x:.2f}" for x in end[:, n].mean(1)) for n in range(2)]
fig.set_label(
    f"Left: expected reward after {BATCHES} batches with 1, 4, 16, and 64 steps each, "
    f"mean of {RUNS} runs. Clipped: {listed[0]}; not clipped: {listed[1]}. Right: the "
    f"first batch moves the policy by {moved[0, 0]:.3f} nats with one step, and with "
    f"64 steps by {moved[-1, 0]:.2f} if clipped and {moved[-1, 1]:.1f} if not."
)
measured = {"once": end[0, 0].mean(), "four": end[1, 0].mean()}
measured |= {"four_free": end[1, 1].mean(), "four_low": end[1, 0].min()}
measured |= {"many_low": end[3, 0].min()}
measured |= {"many": end[3, 0].mean(), "many_free": end[3, 1].mean()}
measured |= {"gap": end[3, 0].mean() - end[3, 1].mean()}
measured |= {"gap_error": (end[3].var(dim=1).sum() / RUNS).sqrt()}
measured |= {"moved": moved[3, 0], "moved_free": moved[3, 1]}
measured |= {"outside": outside[3, 0]}
assert measured["gap"] > 3 * measured["gap_error"]
assert 4 * moved[3, 0] < moved[3, 1]
assert end[1].min() > end[0].max() > measured["once"] > 0.6
