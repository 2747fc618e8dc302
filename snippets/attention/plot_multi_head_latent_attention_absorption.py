"""
Absorbing moves the up-projections from the tokens to the queries
=================================================================

Five cached tokens and three heads (:doc:`/attention/multi_head_latent_attention`). A
thick line is one product with an up-projection.
"""

import matplotlib.pyplot as plt
import numpy as np

fig, axes = plt.subplots(1, 2, figsize=(6.4, 3.3))
token_x, head_x = np.arange(5.0), np.array([1.0, 2.0, 3.0])
thick = {"rebuilt": 0, "absorbed": 0}
for ax, title in zip(axes, thick, strict=True):
    for head, x in enumerate(head_x):
        color = f"C{head}"
        ax.plot(x, 3, "o", color=color, ms=10)
        for token in token_x:
            if title == "rebuilt":
                key = token + 0.26 * (head - 1)
                ax.plot([key, token], [1.3, 0], color=color, lw=3, alpha=0.9)
                ax.plot(key, 1.3, "s", color=color, ms=5)
                ax.plot([x, key], [3, 1.3], color=color, lw=0.6, alpha=0.6)
                thick[title] += 1
            else:
                ax.plot([x, token], [2.2, 0], color=color, lw=0.6, alpha=0.6)
        if title == "absorbed":
            ax.plot([x, x], [3, 2.2], color=color, lw=3, alpha=0.9)
            ax.plot(x, 2.2, "D", color=color, ms=7)
            thick[title] += 1
    ax.plot(token_x, 0 * token_x, "s", color="0.5", ms=12)
    ax.set(xlim=(-0.6, 4.6), ylim=(-1.0, 3.4), title=title)
    ax.text(2, -0.8, "cached latents", ha="center", fontsize=9)
    ax.axis("off")
assert thick == {"rebuilt": 15, "absorbed": 3}
fig.set_label(
    "Left, rebuilt: each of five cached latents is multiplied three times, once for "
    "each head, and a query reads the keys of its head. Right, absorbed: each of three "
    "queries is multiplied once, and then reads the five latents themselves."
)
