"""
The best of n by a reward model
===============================

A figure of :doc:`/alignment/reward_models`: rating and reward of the best of n answers,
by models that learned from comparisons without repetitions and with them. Two
controls: no answers that repeat a statement, and the lowest reward of several models.
"""

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
    scored = facts.rewards(models, answers)
    scored -= facts.rewards(models, clean).mean(dim=1, keepdim=True)
    pairs = [torch.stack([rating, x]) for x in scored]
    best = torch.stack([best_of_n_means(pair, pair[1], counts) for pair in pairs])
    for ax, lines in zip(axes, best.unbind(dim=1), strict=True):
        ax.plot(counts, lines.T, style, ms=3, lw=1)[0].set_label(label)
    assert (best[:, 1].diff(dim=-1) > -1e-6).all()
    ratings.append(best[:, 0])
lowest = facts.rewards(unaware, pool) - facts.rewards(unaware, clean).mean(1)[:, None]
lowest = torch.stack([lowest.roll(i, 0)[1:].amin(dim=0) for i in range(5)])
ensembles = [best_of_n_means(facts.rating(pool), x, counts) for x in lowest]
ensembles = torch.stack(ensembles)
lines = axes[0].plot(counts, ensembles.T, "C3D-.", ms=2, lw=1)
lines[0].set_label("none seen, lowest of four")
axes[0].set(title="rating of the chosen answer", ylabel="worth to raters")
axes[1].set(title="its reward by the model", ylabel="reward")
for ax in axes:
    ax.set_xscale("log", base=2)
    ax.set_xlabel("n")
fig.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=2)

first, seen, control = (rating[:, -1] for rating in ratings)
peak = int(ratings[0].mean(dim=0).argmax())
top = ratings[0][:, peak]
fig.set_label(
    f"Left: by models that saw no repetitions, the rating rises to {top.mean():.1f} at "
    f"n = {counts[peak]} and ends at {first.mean():.1f}; by models that saw some, it "
    f"ends at {seen.mean():.1f}; without stuck answers, at {control.mean():.1f}; by "
    f"the lowest reward of four, at {ensembles[:, -1].mean():.1f}. "
    "Right: the rewards rise in all cases."
)
assert (top > first + 2).all()
assert ensembles[:, -1].max() < top.min() - 2
assert min(seen.min(), control.min()) > top.max() + 0.5
measured = {"start": ratings[0][:, 0].mean(), "count": counts[peak], "peak": top.min()}
measured |= {"end": first.max(), "seen_end": seen.min(), "clean_end": control.min()}
measured |= {"ensemble_peak": ensembles.mean(dim=0).max()}
measured["ensemble_end"] = ensembles[:, -1].max()
