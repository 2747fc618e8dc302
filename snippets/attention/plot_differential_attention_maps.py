"""
Subtracting a second map removes the noise that both share
==========================================================

Two maps over 64 keys whose scores share most of their noise, and their difference. Only
the first has a signal (:doc:`/attention/differential_attention`).
"""

import matplotlib.pyplot as plt
import torch

from snippets.attention.common_noise import noisy_maps, share

KEYS, AT = 64, 20  # the signal is drawn among the noise

torch.manual_seed(0)
first, second = noisy_maps(1, KEYS, common=1.0, private=0.3)
drawn = {"first": first, "second": second, "first - 0.8 second": first - 0.8 * second}
shares = {name: share(weights).item() for name, weights in drawn.items()}
before, _, after = shares.values()
assert after > 2 * before
assert (first[0, 1:] > first[0, 0]).sum() == 1

fig, axes = plt.subplots(3, sharex=True, sharey=True, figsize=(6.2, 4.4))
for ax, (name, weights) in zip(axes, drawn.items(), strict=True):
    heights = torch.cat([weights[0, 1 : AT + 1], weights[0, :1], weights[0, AT + 1 :]])
    ax.bar(range(KEYS), heights, color=["C1" if k == AT else "C0" for k in range(KEYS)])
    note = f"{name}: {shares[name]:.0%} on the signal"
    ax.text(0.0, 1.02, note, va="bottom", transform=ax.transAxes)
axes[1].set(ylabel="weight")
axes[2].set(xlabel="key")
fig.set_label(
    "Three rows of 64 bars. The first map has an orange bar, the signal, among blue "
    "ones, of which one is taller; the second has nearly the same blue bars and a low "
    "orange one. In the difference the blue bars are small, some below zero, and "
    f"the share of the orange one has grown from {before:.0%} to {after:.0%}."
)
