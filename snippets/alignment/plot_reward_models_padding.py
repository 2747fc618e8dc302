"""
What repetitions do to a reward
===============================

A figure of :doc:`/alignment/reward_models`: rewards of answers that repeat a
statement, by models that learned from comparisons without repetitions and with them.
"""

import matplotlib.pyplot as plt
import torch

from snippets.alignment import stated_facts as facts
from snippets.alignment.repetition_runs import trained

torch.manual_seed(0)
draw = torch.Generator().manual_seed(0)
unaware, aware = trained(draw)
answers, others = (facts.draw_answers(20_000, draw) for _ in range(2))
scored, ratings = facts.rewards(unaware, answers), facts.rating(answers)
gap = ratings - facts.rating(others)
right = (scored - facts.rewards(unaware, others) > 0) == (gap > 0)
ranked = right[:, gap.abs() > 1e-4].double().mean(dim=1)  # without ties
rows = torch.cat([scored, ratings[None], answers.sum(dim=1)[None]])
*with_length, rating_length, _ = rows.corrcoef()[-1]

repeats, some = torch.arange(0, 21, 2), answers[:2000]
padded = torch.stack([facts.repeat(some, int(n), draw) for n in repeats])
felt = (facts.rating(padded) - facts.rating(some)).mean(dim=-1)
fig, ax = plt.subplots(figsize=(5.6, 3.0), layout="constrained")
ends = []
kinds = [(unaware, "no repetitions seen", "C0o-"), (aware, "some seen", "C1s--")]
for models, label, style in kinds:
    paid = facts.rewards(models, padded) - facts.rewards(models, some)[:, None]
    lines = paid.mean(dim=-1)
    ax.plot(repeats, lines.T, style, ms=3, lw=1)[0].set_label(label)
    ends.append(lines[:, -1])
ax.plot(repeats, felt, color="0.4", lw=2.5, label="rating")
ax.axhline(0, color="0.5", lw=0.5)
ax.set(xlabel="repetitions of one statement", ylabel="change", xticks=range(0, 21, 5))
ax.legend(fontsize="small")
told = [f"{end.min():.1f} to {end.max():.1f}" for end in ends]
fig.set_label(
    f"With 20 repetitions, the rating changes by {felt[-1]:.1f}. The mean rewards "
    f"of models that saw no repetitions change by {told[0]}, those of models that saw "
    f"some by {told[1]}."
)
assert ends[0].min() > 0 > ends[1].max()
measured = {"ranked": ranked.min(), "rating_length": rating_length}
measured |= {"length_low": min(with_length), "length_high": max(with_length)}
measured |= {"paid_low": ends[0].min(), "paid_high": ends[0].max(), "felt": -felt[-1]}
