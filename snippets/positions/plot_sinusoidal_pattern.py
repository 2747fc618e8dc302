"""
The first features change fast, the last ones slowly
====================================================

Sinusoidal encodings of a hundred positions. See :doc:`/positions/sinusoidal`.
"""

import matplotlib.pyplot as plt
import torch

from snippets.positions.sinusoidal import sinusoidal

encoding = sinusoidal(torch.arange(100), d_model=64)
assert encoding[:, :2].diff(dim=0).abs().mean() > 0.5
assert encoding[:, -2:].diff(dim=0).abs().mean() < 0.001

fig, ax = plt.subplots(figsize=(6.2, 3.8))
image = ax.imshow(encoding, aspect="auto")
fig.colorbar(image, label="value")
ax.set(xlabel="feature", ylabel="position")
fig.set_label(
    "Heat map of 100 positions by 64 features. The features on the left alternate "
    "every few positions, those in the middle form slow waves, and on the right the "
    f"values hardly change: columns of at most {encoding[:, 62].max():.2f}, sines, "
    f"alternate with columns of at least {encoding[:, 63].min():.2f}, cosines."
)
