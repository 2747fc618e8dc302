"""
T5's buckets are exact for short distances and wide for long ones
=================================================================

The row of T5's table for each distance. See :doc:`/positions/relative_positions`.
"""

import matplotlib.pyplot as plt
import torch

from snippets.positions.relative_positions import t5_bucket

distance = torch.arange(1, 301)
causal, both = (t5_bucket(-distance, causal=causal) for causal in (True, False))
assert causal.max() == 31
assert both.max() == 15

fig, ax = plt.subplots()
ax.step(distance, causal, where="mid", label="causal: 32 buckets")
ax.step(distance, both, where="mid", label="bidirectional: 16 for each direction")
ax.axvline(128, color="0.5", ls=":")
ax.set_xscale("log", base=2)
ax.set_xticks(ticks := [1, 2, 4, 8, 16, 32, 64, 128, 256], labels=ticks)
ax.set(xlabel="distance (tokens)", ylabel="bucket")
ax.legend()
last = [distance[rows == rows.max()][0].item() for rows in (causal, both)]
fig.set_label(
    "Two staircases of bucket over distance on a logarithmic axis. The causal one "
    "rises by one per distance to bucket 15, then in steps of about equal width on the "
    f"axis to bucket 31 at distance {last[0]}. The bidirectional one is exact to 7 and "
    f"ends with bucket 15 at {last[1]}."
)
