"""
Three tasks that only a prefix tells apart
==========================================

Figures for :doc:`/transformers/t5`: exact answers on new strings while a small T5
learns to reverse, to sort, and to count vowels; and where its decoder looks.
"""

import matplotlib.pyplot as plt
import torch

from snippets.transformers import prefixed_tasks as tasks
from snippets.transformers.prefixed_tasks import HELD_OUT, PREFIXES, TASKS, vowels

STEPS, EVERY = 360, 60
models, curve = tasks.train(models=3, steps=STEPS, record_every=EVERY)
final = curve[-1]
letters = tasks.strings()[:HELD_OUT]
both = [tasks.answers(letters, torch.full((HELD_OUT,), t)) for t in (0, 1)]
same = (both[0] == both[1]).all(dim=1).float().mean()  # reversed is sorted
blind = (1 + same) / 3
rare = letters[vowels(letters) == 3]

# %%
# Answers on the way
# ------------------

fig, ax = plt.subplots(figsize=(6.4, 2.8), layout="constrained")
steps = torch.arange(EVERY, STEPS + 1, EVERY)
for place, prefix in enumerate(PREFIXES):
    shares = 100 * curve[:, :, place]
    ax.plot(steps, shares.mean(1), f"C{place}o-", ms=3, label=prefix)
    ax.fill_between(steps, shares.amin(1), shares.amax(1), alpha=0.25, lw=0)
ax.axhline(100 * blind, color="0.5", ls=":", label="without the prefix, at best")
ax.set(xlabel="training steps", ylabel="answers all right (%)", ylim=(0, 102))
ax.legend(loc="lower right")
ends = ", ".join(f"{t} {100 * final[:, i].mean():.0f}" for i, t in enumerate(TASKS))
fig.set_label(
    f"Three rising curves with bands, up to {STEPS} steps. Percent of answers right "
    f"at the end: {ends}. Reversing rises last. A dotted line at {100 * blind:.0f}."
)

# %%
# Where the decoder looks
# -----------------------

found, alts = [], []
names = ["", "end", *PREFIXES, *"abcdefghij", *"0123"]
fig, axes = plt.subplots(1, 2, figsize=(6.4, 2.7), layout="constrained")
for place, ax in enumerate(axes):
    task = torch.full((HELD_OUT,), place)
    tokens, targets = tasks.inputs(letters, task), tasks.answers(letters, task)
    looked = torch.stack([tasks.cross_weights(m, tokens, targets) for m in models])
    at = tokens[None, :, None].expand(*looked.shape).gather(-1, looked.argmax(-1, True))
    hit = (at[..., 0] == targets)[..., :4]
    found.append(hit.float().mean())
    rows = hit[0, 0].sum()
    assert rows >= 4 - place  # all rows of the first map, most of the second
    image = ax.imshow(looked[0, 0, :4], vmin=0, vmax=1)
    reads, writes = [[names[i] for i in row] for row in (tokens[0], targets[0, :4])]
    ax.set(xlabel="reads", xticks=range(5), xticklabels=reads)
    ax.set(ylabel="writes", yticks=range(4), yticklabels=writes)
    alts.append(f"{' '.join(reads)}, written {' '.join(writes)}: {rows} of 4")
fig.colorbar(image, ax=axes, label="cross-attention", shrink=0.8)
fig.set_label(
    "Two maps, four letters written by five tokens read. Rows whose largest weight is "
    f"on the letter that is written. {alts[0]}, on a rising diagonal. {alts[1]}."
)
measured = {f"{t}_right": final[:, i].mean() for i, t in enumerate(TASKS)} | {
    "lowest": final.min(),
    "rare": len(rare),
    "count_rare": min(tasks.exact(m, rare)[2] for m in models),
    "blind": blind,
    "found_reverse": found[0],
    "found_sort": found[1],
    "parameters": sum(weight.numel() for weight in models[0].parameters()),
}
assert measured["lowest"] > 0.9
assert (curve[:4, :, 0] < curve[:4, :, 1:].amin(-1)).all()  # reversing comes last
