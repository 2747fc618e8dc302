"""
Paged attention: the request rate that each policy sustains
===========================================================

Simulated servers with a cache of 16,384 slots; 400 requests arrive at random. A point
is the mean time from arrival to end, per token of output, in one run.
"""

import matplotlib.pyplot as plt
import numpy as np

from snippets.inference.cache_policies import four_policies
from snippets.inference.serving_simulator import draw_requests, simulate

rates = np.array([0.4, 0.8, 1.2, 1.6, 2, 2.4, 3.2, 4])
latency = {name: [] for name in four_policies(16384)}
for rate in rates.tolist():
    requests = draw_requests(400, rate)
    for name, memory in four_policies(16384).items():
        latency[name].append(1000 * simulate(requests, memory).normalized_latency)
limit = 1.5 * min(latency["Paged"])
fastest = {name: np.interp(limit, y, rates) for name, y in latency.items()}
assert list(fastest.values()) == sorted(fastest.values())
assert 2.7 < fastest["Paged"] / fastest["Max"] < 8
assert 1.7 < fastest["Paged"] / fastest["Oracle"] < 2.7

fig, ax = plt.subplots(figsize=(6.2, 3.4))
for marker, (name, values) in zip("os^D", latency.items(), strict=True):
    ax.plot(rates, values, marker=marker, label=name)
ax.axhline(limit, color="0.5", ls=":")
ax.set(ylim=(0, 120), xlabel="requests per second")
ax.set(ylabel="latency per token of output (ms)")
ax.legend()
fig.set_label(
    "Four curves of latency against request rate, flat at first and then steep. They "
    f"pass {limit:.0f} milliseconds at "
    + ", ".join(f"{rate:.1f} ({name})" for name, rate in fastest.items())
    + " requests per second."
)

measured = {f"{name}_rate": fastest[name] for name in ("Max", "Oracle", "Paged")}
for slower in ("Max", "Oracle"):
    measured[f"rate_over_{slower}"] = fastest["Paged"] / fastest[slower]
