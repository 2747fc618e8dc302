"""
The best of n by a reward model
===============================

A figure of :doc:`/alignment/reward_models`: rating and reward of the best of n answers,
by models that learned from comparisons without repetitions and with them. Two
controls: no answers that repeat a statement, and the lowest reward of several models.
"""

from math import log

import matplotlib.pyplot as plt
import torch

from snippets.alignment import stated_facts as facts
from snippets.alignment.best_of_n import best_of_n_means
from snippets.alignment.repetition_runs import trained

POOL, STUCK = 40_000, 0.003
torch.manual_seed(0)
draw = torch.Generator().manual_seed(0)
unaware, aware = trained(draw)
clean, pool = facts.draw_answers(POOL, draw), facts.draw_answers(POOL, draw, STUCK)
counts = [2**power for power in range(11)]
cases = {
    "no repetitions seen": (unaware, pool, "C0o-"),
    "some seen": (aware, pool, "C1s--"),
    "none seen, none to choose": (unaware, clean, "C2^:"),
}

fig, axes = plt.subplots(1, 2, figsize=(6.8, 3.5), layout="constrained")
ratings = []
for label, (models, answers, style) in cases.items():
    rating = facts.rating(answers)
    center = facts.rewards(models, clean).mean(dim=1, keepdim=True)
    scored = facts.rewards(models, answers) - center
    best = [best_of_n_means(torch.stack([rating, x]), x, counts) for x in scored]
    best = torch.stack(best)
    for ax, lines in zip(axes, best.unbind(dim=1), strict=True):
        ax.plot(counts, lines.T, style, ms=3, lw=1)[0].set_label(label)
    assert (best[:, 1].diff(dim=-1) > -1e-6).all()
    ratings.append(best[:, 0])
lowest = facts.rewards(unaware, pool) - facts.rewards(unaware, clean).mean(1)[:, None]
lowest = [lowest.roll(i, 0)[1:].amin(dim=0) for i in range(5)]
ensembles = [best_of_n_means(facts.rating(pool), x, counts) for x in lowest]
ensembles = torch.stack(ensembles)
lines = axes[0].plot(counts, ensembles.T, "C3D-.", ms=2, lw=1)
lines[0].set_label("none seen, lowest of four")
axes[0].set(title="rating of the chosen answer", xlabel="n", ylabel="worth to raters")
axes[1].set(title="its reward by the model", xlabel="n", ylabel="reward")
for ax in axes:
    ax.set_xscale("log", base=2)
fig.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=2)

first, seen, control = (rating[:, -1] for rating in ratings)
peak = int(ratings[0].mean(dim=0).argmax())
top = ratings[0][:, peak]
# Gao's d (alpha - beta d), fitted to the gain in rating of each model
d = torch.tensor([log(n) - 1 + 1 / n for n in counts]).double().sqrt()
terms, missed = torch.stack([d, -(d**2)], dim=1), []
for rating in (ratings[0], ratings[2]):
    gained = (rating - rating[:, :1]).T
    off = gained - terms @ torch.linalg.lstsq(terms, gained).solution
    missed.append(off.abs().amax(dim=0))  # of each model
fig.set_label(
    f"Left: if models that saw no repetitions choose, the rating is {top.mean():.1f} "
    f"at n = {counts[peak]} and {first.mean():.1f} at the end; if models that saw some "
    f"choose, {seen.mean():.1f}; without stuck answers, {control.mean():.1f}; by the "
    f"lowest of four rewards, {ensembles[:, -1].mean():.1f}. Right: the rewards rise."
)
assert (top > first + 2).all()
assert (torch.cat(ratings[1:]).diff(dim=1) > 0).all()
assert missed[0].min() > 4 * missed[1].max()
assert ensembles[:, -1].max() < top.min() - 2
assert min(seen.min(), control.min()) > top.max() + 0.5
measured = {"start": ratings[0][:, 0].mean(), "count": counts[peak]}
measured |= {"peak": top.min(), "end": first.max()}
measured |= {"formula_miss": missed[0].min(), "formula_miss_clean": missed[1].max()}
ensemble_peak, ensemble_end = ensembles.mean(dim=0).max(), ensembles[:, -1].max()
measured |= {"ensemble_peak": ensemble_peak, "ensemble_end": ensemble_end}
