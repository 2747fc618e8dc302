"""
How long wrong and right answers get under three normalizations
===============================================================

Animation for :doc:`/alignment/beyond_grpo`: answers whose length has nothing to do with
their reward, trained with the losses of GRPO, Dr. GRPO, and DAPO.
"""

from functools import partial

import matplotlib.pyplot as plt
import torch
from matplotlib.animation import FuncAnimation
from torch.nn.functional import logsigmoid

from snippets.alignment.answer_lengths import learn_lengths
from snippets.alignment.beyond_grpo import centered_advantages
from snippets.alignment.beyond_grpo_losses import dapo_loss, dr_grpo_loss
from snippets.alignment.grpo import group_advantages, grpo_loss

RUNS, STEPS, LONGEST, WIDTH, EVERY = 3, 400, 64, 8, 20
# Dr. GRPO divides by 64, the others by about 8; and its advantages are half as large
METHODS = {
    "GRPO": (grpo_loss, group_advantages, 0.5),
    "Dr. GRPO": (partial(dr_grpo_loss, longest=LONGEST), centered_advantages, 8.0),
    "DAPO": (dapo_loss, group_advantages, 0.5),
}


def run(seed, *way):
    """Mean lengths and stop logits of all steps."""
    torch.manual_seed(seed)
    return learn_lengths(*way, STEPS, longest=LONGEST)


runs = {
    name: [run(seed, *way) for seed in range(RUNS)] for name, way in METHODS.items()
}
ends = {n: torch.stack([h.lengths[-20:].mean(0) for h in found])
        for n, found in runs.items()}  # fmt: skip
start = torch.cat([h.lengths[0] for found in runs.values() for h in found]).mean()

fig, axes = plt.subplots(1, 3, figsize=(6.8, 2.7), layout="constrained", sharey=True)
bars, bins = [], torch.arange(0, LONGEST, WIDTH)
for ax, name in zip(axes, METHODS, strict=True):
    for k, label in enumerate(("wrong", "right")):
        style = {"color": f"C{1 - k}", "label": label, "hatch": ["//", ""][k]}
        at = bins + WIDTH * (0.3 + 0.4 * k)
        bars.append(ax.bar(at, torch.zeros(len(bins)), 0.4 * WIDTH, **style))
    ax.set(title=name, xlabel="tokens of an answer", ylim=(0, 1), xticks=bins[::2])
axes[0].set_ylabel("share of answers")
axes[2].legend()


def draw(frame):
    """Shares of lengths 1 to 8, 9 to 16, ... in the first run."""
    step = min(frame * EVERY, STEPS - 1)
    for n, bar in enumerate(bars):
        stop = runs[list(METHODS)[n // 2]][0].stop[step, n % 2]
        longer = (bins * logsigmoid(-stop)).exp()  # than 0, 8, 16, ...
        for patch, share in zip(bar, longer.diff(append=torch.zeros(1)), strict=True):
            patch.set_height(-share)
    return [patch for bar in bars for patch in bar]


animation = FuncAnimation(fig, draw, frames=STEPS // EVERY + 1, interval=200)
texts = [f"{n}: wrong {e[0, 0]:.1f}, right {e[0, 1]:.1f}" for n, e in ends.items()]
fig.set_label(
    "Share of answers by length, in bins of eight tokens. All start with the same "
    f"falling distribution, mean {start:.1f} tokens. Mean lengths at the end of the "
    f"first run, in tokens. {'. '.join(texts)}."
)
measured = {"start": start, "grpo_wrong": ends["GRPO"][:, 0].min()}
measured |= {"grpo_right": ends["GRPO"][:, 1].max()}
measured |= {"dr_far": (ends["Dr. GRPO"] - start).abs().max()}
measured |= {"dapo_far": (ends["DAPO"] - start).abs().max()}
assert measured["grpo_wrong"] > 40
assert measured["grpo_right"] < 2
assert max(measured["dr_far"], measured["dapo_far"]) < 1.5
