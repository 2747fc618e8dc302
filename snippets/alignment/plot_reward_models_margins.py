"""
Margins from graded comparisons
===============================

A figure of :doc:`/alignment/reward_models`: reward models trained on the same 300
comparisons without margins, with margins by grade, and with shuffled margins.
"""

import matplotlib.pyplot as plt
import torch
from torch.nn.functional import logsigmoid

from snippets.alignment import stated_facts as facts

RUNS, PAIRS, UPDATES, FRESH = 6, 300, 300, 20_000
NAMES = ["no margin", "by grade", "shuffled"]
torch.manual_seed(0)
draw = torch.Generator().manual_seed(0)
sides, felt = zip(
    *[facts.comparisons(PAIRS, 0, draw) for _ in range(RUNS)], strict=True
)
grades = torch.bucketize(torch.stack(felt), torch.tensor([1.0, 2.0, 3.0])).float()
shuffled = torch.stack([g[torch.randperm(PAIRS, generator=draw)] for g in grades])
margins = torch.cat([torch.zeros_like(grades), grades, shuffled])
starts = [facts.RewardModel() for _ in range(RUNS)] * len(NAMES)
models = [facts.RewardModel() for _ in starts]
for model, start in zip(models, starts, strict=True):
    model.load_state_dict(start.state_dict())
data = torch.stack(sides).repeat(len(NAMES), 1, 1, 1)
facts.train(models, data, margins, UPDATES, draw)

first, second = facts.draw_answers(FRESH, draw), facts.draw_answers(FRESH, draw)
gap = facts.rating(first) - facts.rating(second)
said = facts.rewards(models, first) - facts.rewards(models, second)
right = ((said > 0) == (gap > 0)).double().view(len(NAMES), RUNS, FRESH)
chance = gap.sigmoid()  # that a rater chooses the first answer
loss = -(chance * logsigmoid(said) + (1 - chance) * logsigmoid(-said)).mean(dim=-1)
loss = loss.view(len(NAMES), RUNS)
lowest = -(chance * chance.log() + (1 - chance) * (1 - chance).log()).mean()
share = right[..., gap.abs() > 1e-4].mean(dim=-1)  # without ties
gain = share[1:] - share[0]
error = gain.std(dim=1) / RUNS**0.5

fig, axes = plt.subplots(1, 2, figsize=(6.8, 2.9), layout="constrained")
for ax, values in zip(axes, (100 * share, loss), strict=True):
    ax.plot(NAMES, values, color="0.6", lw=0.8)
    for number, own in enumerate(values):
        ax.plot([number] * RUNS, own, f"C{number}" + "os^"[number])
axes[1].axhline(lowest, color="0.4", ls=":")
axes[1].text(0.5, lowest + 0.003, "lowest possible loss", ha="left", va="bottom")
axes[0].set_ylabel("pairs in right order, %")
axes[1].set_ylabel("loss on choices, nats")
told = [
    f"{a:.1%} and {b:.2f}" for a, b in zip(share.mean(1), loss.mean(1), strict=True)
]
fig.set_label(
    "Share of pairs in the order of the ratings, and loss on raters' choices in nats: "
    f"without margin {told[0]}, with margins by grade {told[1]}, with shuffled margins "
    f"{told[2]} (means). No model can have a loss below {lowest:.2f}."
)
assert (gain.mean(dim=1) > 2 * error).all()
assert (loss[1:] > loss[0]).all()
measured = {"no_margin": share[0].mean(), "no_margin_loss": loss[0].mean()}
measured |= {"graded_loss": loss[1].mean()}
measured |= {"graded": 100 * gain[0].mean(), "graded_error": 100 * error[0]}
measured |= {"shuffled": 100 * gain[1].mean(), "shuffled_error": 100 * error[1]}
