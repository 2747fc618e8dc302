"""
Margins from graded comparisons
===============================

A figure of :doc:`/alignment/reward_models`: reward models trained on 300 comparisons
for 50 to 300 updates, without margins, with margins by grade, and with shuffled ones.
"""

import matplotlib.pyplot as plt
import torch
from torch.nn.functional import logsigmoid

from snippets.alignment import stated_facts as facts

RUNS, PAIRS, FRESH = 8, 300, 12_000
UPDATES = [50, 100, 150, 300]
STYLES = {"no margin": "C0o-", "by grade": "C1s--", "shuffled": "C2^:"}
torch.manual_seed(0)
draw = torch.Generator().manual_seed(0)
compared = [facts.comparisons(PAIRS, 0, draw) for _ in range(RUNS)]
sides, felt = zip(*compared, strict=True)
grades = torch.bucketize(torch.stack(felt), torch.tensor([1.0, 2.0, 3.0])).float()
shuffled = torch.stack([g[torch.randperm(PAIRS, generator=draw)] for g in grades])
margins = torch.cat([torch.zeros_like(grades), grades, shuffled])
data = torch.stack(sides).repeat(len(STYLES), 1, 1, 1)
starts = [facts.RewardModel().state_dict() for _ in range(RUNS)] * len(STYLES)
models = [facts.RewardModel() for _ in starts]
first, second = facts.draw_answers(FRESH, draw), facts.draw_answers(FRESH, draw)
gap = facts.rating(first) - facts.rating(second)
first, second, gap = (x[gap.abs() > 1e-4] for x in (first, second, gap))  # no ties
chance = gap.sigmoid()  # that a rater chooses the first answer

judged = []
for updates in UPDATES:
    for model, start in zip(models, starts, strict=True):
        model.load_state_dict(start)
    facts.train(models, data, margins, updates, draw)
    said = facts.rewards(models, first) - facts.rewards(models, second)
    loss = -(chance * logsigmoid(said) + (1 - chance) * logsigmoid(-said))
    judged.append(torch.stack([((said > 0) == (gap > 0)).float(), loss]))
# of the new pairs, the first half chooses the number of updates; the other measures
half = len(gap) // 2
right, loss = torch.stack(judged, dim=2).view(2, len(STYLES), RUNS, len(UPDATES), -1)
best = right[..., :half].mean(dim=(1, 3)).argmax(dim=1)
share, loss = right[..., half:].mean(dim=3), loss[..., half:].mean(dim=3)
own, own_loss = (x[torch.arange(len(STYLES)), :, best] for x in (share, loss))
gain, late = own[1:] - own[0], share[1:, :, -1] - share[0, :, -1]
error = gain.std(dim=1) / RUNS**0.5
lowest = -(chance * chance.log() + (1 - chance) * (1 - chance).log()).mean()

fig, axes = plt.subplots(1, 2, figsize=(6.8, 3.2), layout="constrained")
for ax, values in zip(axes, (100 * share, loss), strict=True):
    mean, spread = values.mean(dim=1), values.std(dim=1) / RUNS**0.5
    for number, (name, style) in enumerate(STYLES.items()):
        ax.errorbar(UPDATES, mean[number], spread[number], fmt=style, ms=4, label=name)
    ax.set_xlabel("updates")
axes[1].axhline(lowest, color="0.4", lw=1, label="lowest possible")
axes[0].set_ylabel("pairs in right order, %")
axes[1].set_ylabel("loss on choices, nats")
fig.legend(*axes[1].get_legend_handles_labels(), loc="outside lower center", ncols=4)
rows = zip(STYLES, own.mean(dim=1), own_loss.mean(dim=1), best, strict=True)
told = [f"{name}, {a:.1%} and {b:.2f} at {UPDATES[i]}" for name, a, b, i in rows]
fig.set_label(
    "Share of pairs in the order of the ratings, and loss on raters' choices in nats, "
    f"at the best number of updates: {'; '.join(told)}. At {UPDATES[-1]}, all shares "
    f"are lower. No model can have a loss below {lowest:.2f}."
)
assert gain[0].mean() > 3 * error[0]
assert late[0].mean() > 2 * gain[0].mean()
assert late[1].mean() > 0 > gain[1].mean()  # shuffled margins help the overfit only
assert (own.mean(dim=1) > share[..., -1].mean(dim=1) + 0.02).all()
measured = {"no_margin_loss": own_loss[0].mean(), "graded_loss": own_loss[1].mean()}
measured |= {"graded": 100 * gain[0].mean(), "graded_error": 100 * error[0]}
measured |= {"shuffled": 100 * gain[1].mean(), "shuffled_error": 100 * error[1]}
measured["late"] = 100 * late[0].mean()
