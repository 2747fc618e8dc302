"""
The winner looks better than it is
==================================

Of k methods the best result is reported, once with equal and once with unequal methods.
"""

import matplotlib.pyplot as plt
import numpy as np

from snippets.practice.best_of_many import inflation, shrunk

# %%
# What to look for
# ----------------
# The best result exceeds the true value of its method, the more so the more methods
# are compared. A new measurement of the winner does not.

rng = np.random.default_rng(0)
ks, runs = np.array([1, 2, 5, 10, 20, 50, 100]), 10000
excess = {"equal": [], "unequal": [], "unequal, shrunk": [], "measured anew": []}
for k in ks:
    noise, fresh = rng.standard_normal((2, runs, k))
    values = rng.standard_normal((runs, k))
    rows = np.arange(runs)
    excess["equal"].append(noise.max(axis=1).mean())
    results = values + noise
    best = results.argmax(axis=1)
    excess["unequal"].append(noise[rows, best].mean())
    pulled = shrunk(results, spread=1.0)[rows, best] - values[rows, best]
    excess["unequal, shrunk"].append(pulled.mean())
    excess["measured anew"].append(fresh[rows, best].mean())
exact = np.array([inflation(int(k)) for k in ks])
np.testing.assert_allclose(excess["equal"], exact, atol=0.05)
assert np.abs(excess["measured anew"]).max() < 0.05
assert np.abs(excess["unequal, shrunk"]).max() < 0.05

fig, ax = plt.subplots(figsize=(7, 4.5), layout="constrained")
ax.plot(ks, exact, color="gray", lw=5, alpha=0.4, label="equal methods, exact")
for (name, values), mark in zip(excess.items(), "osd^", strict=True):
    ax.plot(ks, values, f"{mark}-", label=name)
ax.set(xscale="log", xlabel="methods that are compared, k", ylim=(-0.2, 4.3))
ax.set_xticks(ks, [str(k) for k in ks])
ax.minorticks_off()
ax.set_ylabel("result of the best, minus its true value,\nin standard deviations")
ax.legend(loc="upper left", ncols=2)
fig.set_label(
    f"For equal methods the excess rises from 0 to {exact[-1]:.2f} standard deviations "
    f"at {ks[-1]} methods. For unequal ones it rises to {excess['unequal'][-1]:.2f}. "
    "Shrunk results and new measurements stay at 0."
)

measured = {
    "ten": excess["equal"][3],
    "ten_unequal": excess["unequal"][3],
}
