"""
Requests that wait for a language model, and requests that find its work done
=============================================================================

A figure of :doc:`/recommenders/llm_offline_augmentation`: when each of the requests of
three seconds waits and when it is served.
"""

import matplotlib.pyplot as plt
import numpy as np

from snippets.recommenders.request_queue import (
    lognormal_times,
    poisson_arrivals,
    serve,
)

RATE, SERVERS, SECONDS, SPREAD = 20, 4, 3.0, 0.5
MEANS = {"model at serving time": 1.2, "look-up": 0.005}
rng = np.random.default_rng(0)
arrivals = poisson_arrivals(RATE, 100, rng)
arrivals = arrivals[arrivals < SECONDS]
relative = lognormal_times(1.0, SPREAD, len(arrivals), rng)

fig, axes = plt.subplots(1, 2, figsize=(7.2, 3.2), sharey=True, layout="constrained")
lasts, numbers = [], np.arange(1, len(arrivals) + 1)
for panel, (title, mean) in zip(axes, MEANS.items(), strict=True):
    waits = serve(arrivals, mean * relative, SERVERS)
    begins = arrivals + waits
    panel.barh(numbers, waits, 0.7, arrivals, color="C7", alpha=0.5, label="waits")
    panel.barh(numbers, mean * relative, 0.8, begins, color="C0", label="is served")
    panel.plot(arrivals, numbers, "|C1", label="arrives")
    panel.set(title=title, xlabel="seconds", xlim=(0, 20))
    lasts.append((begins + mean * relative).max())
axes[0].set(ylabel="request")
axes[0].legend(loc="lower right")
measured = {"requests": len(arrivals), "last_lane": lasts[0]}
fig.set_label(
    f"Two timelines of {len(arrivals)} requests in {SECONDS:.0f} seconds. Left: with "
    f"the model at serving time, waits grow longer and longer, and the last answer "
    f"comes after {lasts[0]:.0f} s. Right: with look-ups, no bar is long enough to see."
)
assert lasts[0] > 4 * SECONDS > lasts[1]
