"""
Absorbing is cheaper for few new tokens, rebuilding for many
============================================================

Multiplications of one head with 4096 cached tokens and the sizes of DeepSeek-V3, by the
formulas of :doc:`/attention/multi_head_latent_attention`.
"""

import matplotlib.pyplot as plt
import numpy as np

latent, nope, rope, value, cached = 512, 128, 64, 128, 4096
new = np.geomspace(1, 4096, 200)
rebuilt = cached * latent * (nope + value) + new * cached * (nope + rope + value)
absorbed = new * latent * (nope + value) + new * cached * (2 * latent + rope)
# a constant and two slopes: solved for the number of new tokens
constant, wider = latent * (nope + value), 2 * latent - (nope + value)
crossing = cached * constant / (constant + cached * wider)
assert np.array_equal(absorbed > rebuilt, new > crossing)

fig, ax = plt.subplots()
ax.loglog(new, rebuilt, label="rebuilt")
ax.loglog(new, absorbed, label="absorbed")
ax.axvline(crossing, color="0.5", ls=":")
ax.legend()
ax.set(xlabel="new tokens in one step", ylabel="multiplications per head")
fig.set_label(
    "Two lines on logarithmic axes over 1 to 4096 new tokens. Rebuilding starts at "
    f"{rebuilt[0] / 1e6:.0f} million multiplications and stays level up to about a "
    f"hundred; absorbing starts at {absorbed[0] / 1e6:.0f} million, climbs in "
    f"proportion, and crosses at {crossing:.0f} new tokens."
)

measured = {"cheaper": rebuilt[0] / absorbed[0], "crossing": crossing}
