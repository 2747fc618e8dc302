"""
Gain of two paths over one, simulated and bounded
=================================================

400 turns of different sizes, all waiting, for each point. Where lines are level, the
storage NICs are the bottleneck; where they fall, the processors of the prefill nodes.
"""

from dataclasses import replace

import matplotlib.pyplot as plt
import numpy as np

from snippets.inference.dualpath import Cluster, draw_jobs, gain_bound, simulate

clusters = {
    f"{p}P{d}D": Cluster(prefill=p, decode=d)
    for p, d in [(2, 1), (1, 1), (1, 2), (2, 4)]
}
shares = [0.1, 0.2, 0.3, 0.4, 0.52, 0.7, 0.85, 1.2, 1.5]
gains, over_bound = {}, []
for name, cluster in clusters.items():
    for share in shares:
        jobs = draw_jobs(400, share)
        both = simulate(jobs, cluster).rate
        one = simulate(jobs, replace(cluster, decode=0)).rate
        _, load, compute = np.mean(jobs, axis=0).tolist()
        gains[name, share] = both / one
        over_bound.append(both / one / gain_bound(cluster, load, compute))
assert min(over_bound) > 0.9
assert max(over_bound) < 1.02
assert all(abs(gains[name, 1.2] - 1) < 0.02 for name in clusters)

grid = np.linspace(0.05, 1.6, 200)
fig, ax = plt.subplots()
fig.set_label(
    "Gain over the time of arithmetic relative to reading, for four clusters: level at "
    "3, 2 and 1.5, then falling along one common curve to 1, which all have reached "
    "when arithmetic takes as long as reading. Simulated points lie on or just below."
)
for i, (name, cluster) in enumerate(clusters.items()):
    bound = [gain_bound(cluster, 1.0, share) for share in grid.tolist()]
    ax.plot(grid, bound, color=f"C{i}", lw=1, ls=["-", "-", "-", "--"][i])
    points = [gains[name, share] for share in shares]
    ax.plot(shares, points, "osv^"[i], color=f"C{i}", label=name)
ax.set(xlabel="s: time of arithmetic / time of one read", ylim=(0.8, 3.2))
ax.set_ylabel("gain in turns per second")
ax.legend()

measured = {
    "closest": max(over_bound),
    "farthest": min(over_bound),
    "offline_4": gains["1P1D", 0.4],
}
