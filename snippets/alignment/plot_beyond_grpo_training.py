"""
Wrong answers of a network under four normalizations
====================================================

Figure of :doc:`/alignment/beyond_grpo`: the length of wrong answers while small
policies learn to write digits that add up to a number.
"""

from functools import partial

import matplotlib.pyplot as plt
import torch

from snippets.alignment.beyond_grpo import centered_advantages
from snippets.alignment.beyond_grpo_losses import dapo_loss, dr_grpo_loss
from snippets.alignment.digit_policy import LONGEST, DigitPolicy
from snippets.alignment.digit_training import train
from snippets.alignment.grpo import group_advantages, grpo_loss

SEEDS, BATCHES, EARLY = (4, 5, 6, 7, 8), 15, 10
METHODS = {
    "GRPO": (grpo_loss, group_advantages),
    "GRPO without std": (grpo_loss, centered_advantages),
    "Dr. GRPO": (partial(dr_grpo_loss, longest=LONGEST), centered_advantages),
    "DAPO": (dapo_loss, group_advantages),
}


def learn(seed, loss, advantages):
    """Mean length of the wrong answers of each batch."""
    torch.manual_seed(seed)
    drawn = train(DigitPolicy(32), loss, BATCHES, advantages=advantages)
    wrong = [b.mask.sum(1)[b.rewards == 0].float().mean() for b in drawn]
    return torch.stack(wrong)


runs = torch.stack(
    [torch.stack([learn(seed, *way) for seed in SEEDS]) for way in METHODS.values()]
)  # methods, seeds, batches
early = runs[..., :EARLY].mean(2)

fig, (left, side) = plt.subplots(1, 2, figsize=(6.8, 3.5), layout="constrained")
for n, name in enumerate(METHODS):
    style = f"C{n}" + ["-o", "--s", ":D", "-.^"][n]
    left.plot(range(1, BATCHES + 1), runs[n].mean(0), style, markersize=4, label=name)
    at = torch.linspace(-0.2, 0.2, len(SEEDS)) + n
    side.plot(at, early[n], style[:2] + style[-1])
left.set(xlabel="batch", ylabel="tokens of wrong answers", xticks=range(0, 16, 5))
fig.legend(loc="outside upper center", ncols=4, handlelength=1.5)
side.set_xticks(range(len(METHODS)), [n.replace(" ", "\n") for n in METHODS])
side.set(ylabel=f"mean of {EARLY} batches, tokens")
means = early.mean(1)
texts = [f"{name} {x:.2f}" for name, x in zip(METHODS, means, strict=True)]
fig.set_label(
    "Left, mean of five runs: wrong answers get shorter with every method, from "
    f"{runs[:, :, 0].mean():.1f} to {runs[:, :, -1].mean():.1f} tokens; the curves of "
    "Dr. GRPO and DAPO lie below the two of GRPO. Right, each run by itself, first "
    f"{EARLY} batches. Means, in tokens: {', '.join(texts)}."
)
gap = early[0] - early[2]
measured = {"gap_low": gap.min(), "gap_high": gap.max()}
measured |= {"gap_std": (early[0] - early[1]).abs().max()}
assert measured["gap_low"] > 0.2 > measured["gap_std"]
assert (early[0] - early[3]).min() > 0.2
