"""
A narrow compute network: the shortest queue and the earliest arrival
=====================================================================

One prefill and one decoding node, 400 turns that all wait, arithmetic of 0.1 reads.
What the decoding node reads has to cross the compute network.
"""

from dataclasses import replace

import matplotlib.pyplot as plt
import numpy as np

from snippets.inference.dualpath import (
    Cluster,
    draw_jobs,
    earliest,
    rate_bound,
    simulate,
)

pair = Cluster(prefill=1, decode=1)
widths = [0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 4.0]
jobs = draw_jobs(400, 0.1)
narrow = [replace(pair, cnic=width) for width in widths]
rules = {
    "shortest queue": [simulate(jobs, cluster).rate for cluster in narrow],
    "earliest arrival": [simulate(jobs, cluster, earliest).rate for cluster in narrow],
}
alone = simulate(jobs, replace(pair, decode=0)).rate
bound = [rate_bound(cluster, 1.0, 0.1) for cluster in narrow]
assert rules["shortest queue"][0] < 0.2 * alone
assert min(rules["earliest arrival"]) > 1.02 * alone
assert np.all(np.array(rules["earliest arrival"]) > 0.95 * np.array(bound))

fig, ax = plt.subplots()
fig.set_label(
    "Turns per second over the bandwidth of the compute network. With the shortest "
    "queue the rate grows in proportion and passes the single path, a dotted line, "
    "near half the bandwidth of a storage NIC. With the earliest arrival it is above "
    "the single path throughout."
)
for (name, rates), marker in zip(rules.items(), "os", strict=True):
    ax.plot(widths, rates, marker=marker, label=name)
ax.axhline(alone, color="0.5", ls=":")
ax.text(widths[-1], alone - 0.05, "single path", ha="right", va="top")
ax.set(xscale="log", xlabel="bandwidth of the compute network / of a storage NIC")
ax.set(ylabel="turns per unit of time", ylim=(0, 2.2))
ax.set_xticks(widths, [f"{w:g}" for w in widths])
ax.minorticks_off()
ax.legend()

measured = {
    "narrow": rules["shortest queue"][0] / alone,
    "narrow_earliest": rules["earliest arrival"][0] / alone,
}
