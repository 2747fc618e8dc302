"""
How much to subtract depends on how much noise is shared
========================================================

The share of the signal in all absolute weights, over the factor of the second map:
means of 1000 draws with 256 keys (:doc:`/attention/differential_attention`).
"""

import matplotlib.pyplot as plt
import numpy as np
import torch

from snippets.attention.common_noise import noisy_maps, share

torch.manual_seed(0)
factors = np.linspace(0, 1, 21)
total = 1.0**2 + 0.3**2  # variance of the noise, the same for all curves
half = (total / 2) ** 0.5
KINDS = {"92 %": (1.0, 0.3), "50 %": (half, half), "0 %": (0.0, total**0.5)}

fig, ax = plt.subplots()
curves = {}
for name, (common, private) in KINDS.items():
    first, second = noisy_maps(1000, 256, common=common, private=private)
    curves[name] = np.array([share(first - factor * second) for factor in factors])
    ax.plot(factors, curves[name], label=name)
ax.set(xlabel="factor of the second map", ylabel="share of the signal", ylim=(0, 0.35))
ax.legend(title="variance shared", loc="lower left", ncols=3)

common, unlike = curves["92 %"], curves["0 %"]
best = factors[common.argmax()]
assert 0.5 < best < 0.95
assert common.max() > 1.7 * common[0]
assert unlike.max() < 1.25 * unlike[0]
fig.set_label(
    f"Share of the signal over the factor from 0 to 1; all curves start near "
    f"{common[0]:.2f}. With 92 percent of the variance shared it rises to "
    f"{common.max():.2f} near a factor of {best:.2f}. With 50 or 0 percent it rises a "
    f"little and then falls, with 0 percent to {unlike[-1]:.2f}."
)

measured = {"share_0": common[0], "share_best": common.max(), "best_factor": best}
measured |= {"unlike_0": unlike[0], "unlike_best": unlike.max()}
measured |= {"unlike_1": unlike[-1]}
