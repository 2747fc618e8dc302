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

from snippets.alignment.beyond_grpo import centered_advantages, dapo_loss, dr_grpo_loss
from snippets.alignment.grpo import group_advantages, grpo_loss

RUNS, STEPS, PROMPTS, GROUP, CAP, EVERY = 3, 400, 16, 16, 64, 10
place = torch.arange(CAP)
# Dr. GRPO divides by 64, the others by about 8; and its advantages are half as large
METHODS = {
    "GRPO": (grpo_loss, group_advantages, 0.5),
    "Dr. GRPO": (partial(dr_grpo_loss, longest=CAP), centered_advantages, 8.0),
    "DAPO": (dapo_loss, group_advantages, 0.5),
}


def answers(stop, right):
    """Lengths of at most CAP tokens, and log-probabilities of stop or go on."""
    chance = stop.detach().sigmoid()[right]
    drawn = torch.log(1 - torch.rand(len(right))) / torch.log1p(-chance)
    ends = drawn.long()  # tokens before the stop
    last = place == ends[:, None]
    own = stop[right][:, None]
    log_probs = torch.where(last, logsigmoid(own), logsigmoid(-own))
    return (ends + 1).clamp(max=CAP), log_probs


def learn(seed, loss, advantages, rate):
    """Mean lengths and stop logits: steps, two kinds of answers."""
    torch.manual_seed(seed)
    stop = torch.full((2,), -2.0, requires_grad=True)  # wrong, right
    means, logits = [], []
    for _ in range(STEPS):
        right = (torch.rand(PROMPTS, GROUP) < 0.5).long()
        found = advantages(right.float()).flatten()
        lengths, log_probs = answers(stop, right.flatten())
        means.append([lengths[right.flatten() == k].float().mean() for k in (0, 1)])
        logits.append(stop.detach().clone())
        mask = place < lengths[:, None]
        value = loss(log_probs, log_probs.detach(), found, mask)
        stop.data -= rate * torch.autograd.grad(value, stop)[0]
    return torch.tensor(means), torch.stack(logits)


runs = {n: [learn(s, *way) for s in range(RUNS)] for n, way in METHODS.items()}
ends = {n: torch.stack([m[-20:].mean(0) for m, _ in run]) for n, run in runs.items()}
start = torch.cat([m[:1] for run in runs.values() for m, _ in run]).mean()

fig, axes = plt.subplots(1, 3, figsize=(6.8, 2.7), layout="constrained", sharey=True)
bars, width = [], 8
for ax, name in zip(axes, METHODS, strict=True):
    for k, label in enumerate(("wrong", "right")):
        at = torch.arange(CAP // width) * width + width * (0.3 + 0.4 * k)
        color = {"color": f"C{1 - k}", "label": label, "hatch": ["//", ""][k]}
        bars.append(ax.bar(at, torch.zeros(len(at)), 0.4 * width, **color))
    ax.set(
        title=name, xlabel="tokens of an answer", ylim=(0, 1), xticks=range(0, 65, 16)
    )
axes[0].set_ylabel("share of answers")
axes[2].legend()


def draw(frame):
    """Shares of lengths 1 to 8, 9 to 16, ... in the first run."""
    step = min(frame * EVERY, STEPS - 1)
    for n, bar in enumerate(bars):
        name = list(METHODS)[n // 2]
        log_on = logsigmoid(-runs[name][0][1][step, n % 2])
        longer = (torch.arange(0, CAP, width) * log_on).exp()  # than 0, 8, 16, ...
        for patch, share in zip(bar, longer.diff(append=torch.zeros(1)), strict=True):
            patch.set_height(-share)
    return [patch for bar in bars for patch in bar]


animation = FuncAnimation(fig, draw, frames=STEPS // EVERY + 1, interval=120)
texts = [f"{n}: wrong {e[0, 0]:.1f}, right {e[0, 1]:.1f}" for n, e in ends.items()]
fig.set_label(
    "Share of answers by length, in bins of eight tokens. All start with the same "
    f"falling distribution, mean {start:.1f} tokens. Mean lengths at the end of the "
    f"first run, in tokens. {'. '.join(texts)}."
)
keys = {"GRPO": "grpo", "Dr. GRPO": "dr", "DAPO": "dapo"}
measured = {"start": start}
for name, end in ends.items():
    wrong, right = end.unbind(1)
    measured |= {
        f"{keys[name]}_wrong_low": wrong.min(),
        f"{keys[name]}_right": right.max(),
    }
    measured |= {f"{keys[name]}_far": (end - start).abs().max()}
assert measured["grpo_wrong_low"] > 40
assert measured["grpo_right"] < 2
assert max(measured["dr_far"], measured["dapo_far"]) < 1.5
