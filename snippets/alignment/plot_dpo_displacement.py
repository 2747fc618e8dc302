"""
Likelihood displacement: the chosen answer loses probability, too
=================================================================

A figure of :doc:`/alignment/dpo`: the log ratio of chosen answers as the margin grows,
for pairs with different and with similar features, few and many of them.
"""

import matplotlib.pyplot as plt
import torch

from snippets.alignment import bilinear_policy as bilinear

BETA, MARGIN = 0.5, 6.0
PROMPTS, OTHERS, SIZE, WIDE, SCALE = 8, 48, 16, 64, 3.0
COSINES, SEEDS = (0.0, 0.5, 0.8, 0.9, 0.95), 5
UPDATES, RATE, LONG = 120, 8.0, 3000

cosine = torch.tensor(COSINES).repeat_interleave(SEEDS)
rates = RATE / (1 - cosine.double())


def setting(size):
    """Features of each run, and its reference."""
    generator = torch.Generator().manual_seed(0)
    data = bilinear.draw_features(cosine, PROMPTS, OTHERS, size, generator)
    shape = (len(cosine), size, size)
    return data, SCALE * torch.randn(shape, generator=generator, dtype=torch.float64)


def at_margin(path):
    """Mean log ratio of chosen answers when their mean margin passes MARGIN."""
    update = (path.chosen - path.rejected < MARGIN).sum(dim=0)
    assert (update < len(path.chosen)).all()
    return path.chosen.gather(0, update[None]).view(len(COSINES), SEEDS)


narrow = setting(SIZE)
path = bilinear.train(*narrow, rates, beta=BETA, updates=UPDATES)
many = bilinear.train(*setting(WIDE), rates, beta=BETA, updates=UPDATES)
even = torch.full_like(rates, RATE / 2)
kept = bilinear.train(*narrow, even, beta=BETA, updates=LONG, likelihood=1.0)
alone, wide, both = at_margin(path), at_margin(many), at_margin(kept)
fig, (left, right) = plt.subplots(1, 2, figsize=(6.8, 3.2), layout="constrained")
for number, place in enumerate((0, len(COSINES) - 1)):
    runs = slice(place * SEEDS, (place + 1) * SEEDS)
    margin, name = (path.chosen - path.rejected)[:, runs], f"cosine {COSINES[place]:g}"
    style = {"color": f"C{number}", "linestyle": ["-", "--"][number]}
    lines = left.plot(margin, path.chosen[:, runs], **style)
    lines[0].set_label(name)
spots = torch.arange(len(COSINES))
rows = {"DPO": alone, f"DPO, {WIDE} features": wide, "DPO and likelihood": both}
for (name, values), look in zip(rows.items(), ("C0-o", "C3:^", "C2--x"), strict=True):
    right.plot(spots, values.mean(dim=1), look[:-1], label=name)
    right.plot(spots, values, look[:2] + look[-1], markersize=4)
for ax in (left, right):
    ax.axhline(0, color="0.5", linewidth=0.8)
    ax.legend(loc="lower left")
left.set(xlabel="margin, nats", ylabel="log ratio, chosen answers, nats")
right.set(xlabel="cosine of chosen and rejected", xticks=spots, ylim=(-12, 12))
right.set_xticklabels(COSINES)
right.set_title(f"at a margin of {MARGIN:g} nats")
listed = ", ".join(f"{x:.1f}" for x in alone.mean(dim=1))
fig.set_label(
    "Left: with growing margin the log ratio of chosen answers rises if the cosine is "
    f"{COSINES[0]:g}. With {COSINES[-1]:g}, it turns and falls below 0. Right: mean "
    f"log ratios for growing cosines: {listed}. Single runs with {WIDE} features are "
    f"between {wide.min():.1f} and {wide.max():.1f}. Those with {SIZE} "
    f"and the likelihood of chosen answers in the loss are between {both.min():.1f} "
    f"and {both.max():.1f}."
)
falls = (alone < 0).sum(dim=1)
measured = {"distinct_min": alone[0].min(), "similar_max": alone[-1].max()}
measured |= {"kept_min": both.min(), "runs_fallen": falls[-1]}
measured |= {"wide_min": wide.min()}
assert alone[0].min() > 1
assert alone[-1].max() < -1
assert both.min() > 1
assert wide.min() > 0
