"""
Paged attention: what the cache holds, and how many requests are served
=======================================================================

Simulated servers with a cache of 16,384 slots and 400 requests that wait from the
start; means of three draws of the requests. The paler bars are the paper's, which
reports only token state for vLLM.
"""

import matplotlib.pyplot as plt
import numpy as np

from snippets.inference.cache_policies import four_policies
from snippets.inference.serving_simulator import draw_requests, simulate

names = list(four_policies(16384))
shares, throughput = np.zeros((3, 4, 4)), np.zeros((3, 4))
for run, seed in enumerate((1, 3, 5)):  # a seed also uses the one after it
    requests = draw_requests(400, seed=seed)
    for row, memory in enumerate(four_policies(16384).values()):
        served = simulate(requests, memory)
        shares[run, row] = served.mean_shares
        throughput[run, row] = served.throughput
assert np.all(np.diff(shares[..., 0]) > 0.05)  # in each of the three runs
assert np.all(np.diff(throughput) > 0.3)
ours, relative = 100 * shares.mean(axis=0)[:, :3], throughput / throughput[:, :1]
paper = np.array(
    [[20.4, 13.3, 57.3], [26.8, 17.9, 13.6], [38.2, 25.2, 0], [96.3, 0, 0]]
)
assert np.abs(ours - paper)[:, 0].max() < 5
least, most = relative[:, 3].min(), relative[:, 3].max()
relative = relative.mean(axis=0)

kinds = {"token state": "C0", "reserved": "C2", "internal fragmentation": "C1"}
fig, (ax, right) = plt.subplots(1, 2, width_ratios=[5, 3], figsize=(6.4, 3.4))
for shift, table, alpha in [(-0.2, ours, 1), (0.2, paper, 0.5)]:
    below = table.cumsum(axis=1) - table
    for column, color in enumerate(kinds.values()):
        place, height = np.arange(4) + shift, table[:, column]
        ax.bar(place, height, 0.36, below[:, column], color=color, alpha=alpha)
ax.set_xticks(range(4), names)
ax.set(ylabel="share of the cache (%)", ylim=(0, 100))
right.bar_label(right.bar(names, relative, 0.6), fmt="%.1f")
right.set(ylabel="throughput (Max = 1)")
right.tick_params(axis="x", labelsize="small")
patches = [plt.Rectangle((0, 0), 1, 1, color=color) for color in kinds.values()]
fig.legend(patches, kinds, loc="outside upper center", ncols=3)
fig.set_label(
    "Left: stacked bars of what the cache holds under four policies, ours beside the "
    f"paper's. Token state rises from {ours[0, 0]:.0f} to {ours[3, 0]:.0f} percent; "
    f"internal fragmentation of Max is {ours[0, 2]:.0f} percent, beside the paper's "
    f"{paper[0, 2]:.0f}. Right: throughput relative to Max, "
    f"{', '.join(f'{value:.1f}' for value in relative)}."
)

measured = {
    f"{name}_share": share for name, share in zip(names, ours[:, 0], strict=True)
}
measured |= {"throughput_least": least, "throughput_most": most}
measured["Max_internal"] = ours[0, 2]
