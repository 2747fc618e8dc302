"""
A pipeline that is drained has a bubble, one that decodes has none
==================================================================

The figure of :doc:`/inference/model_parallelism` on pipeline parallelism: which of four
stages is busy with which group of requests, over time.
"""

import matplotlib.pyplot as plt

from snippets.inference.model_parallelism import pipeline_bubble

# %%
# Four stages, four groups
# ------------------------
# Above, one pass over four microbatches, as in a step of training. Below, decoding: a
# group that leaves the last stage has a new token and enters the first stage again.

STAGES, GROUPS, STEPS = 4, 4, 12
once = [(group + stage, stage, group) for stage in range(STAGES) for group in range(4)]
again = [
    (start + STAGES * turn, stage, group)
    for start, stage, group in once
    for turn in range(STEPS // STAGES)
    if start + STAGES * turn < STEPS
]
span = 1 + max(start for start, _, _ in once)
idle = 1 - len(once) / (STAGES * span)
assert abs(idle - pipeline_bubble(STAGES, GROUPS)) < 1e-12
steady = [cell for cell in again if cell[0] >= STAGES - 1]
assert len(steady) == STAGES * (STEPS - STAGES + 1)

fig, lanes = plt.subplots(2, 1, sharex=True, figsize=(6.2, 3.6))
fig.set_label(
    "Two charts of four stages over time. Above, four microbatches pass once as a "
    f"staircase, and {idle:.0%} of the time of the stages is idle until the last has "
    "left. Below, each group enters the first stage again after the last, and after "
    "three steps no stage is idle."
)
titles = ("one pass: fill and drain", "decoding: groups come around")
for ax, cells, title in zip(lanes, (once, again), titles, strict=True):
    for start, stage, group in cells:
        ax.barh(stage, 0.92, 0.86, start, color=f"C{group}", alpha=0.8)
        ax.text(start + 0.46, stage, group + 1, ha="center", va="center", fontsize=9)
    ax.set(ylim=(3.6, -0.6), yticks=range(4), ylabel="stage", xlim=(0, STEPS))
    ax.set_title(title, loc="left", fontsize=10)
lanes[1].set_xlabel("time (passes through a stage)")

measured = {"bubble_4": idle, "bubble_16": pipeline_bubble(STAGES, 16)}
