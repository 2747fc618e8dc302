"""
Each head of ALiBi looks back twice as far as the head before
=============================================================

Attention weights of eight heads in a long text whose scores are all equal. See
:doc:`/positions/alibi`.
"""

import matplotlib.pyplot as plt
import torch

from snippets.positions.alibi import alibi_bias, mean_distance, slopes

weights = alibi_bias(slopes(8), 1, 4000)[:, 0].softmax(dim=-1).flip(-1)
means = mean_distance(slopes(8))
assert torch.allclose(weights[:6] @ torch.arange(4000.0), means[:6], rtol=0.01)

fig, ax = plt.subplots()
for head, (weight, mean) in enumerate(zip(weights, means, strict=True)):
    color = f"C{head % 6}"
    ax.loglog(range(1, 2001), weight[1:2001], color=color)
    height = weight[round(mean.item())].item()
    ax.plot(mean, height, "o", color=color)
    ax.text(mean * 1.25, height * 1.1, head + 1, color=color)
ax.set(xlabel="distance (tokens)", ylabel="attention weight", ylim=(3e-5, 0.6))
fig.set_label(
    "Eight falling lines of attention weight over distance, both logarithmic. Head 1 "
    f"has the weight {weights[0, 1]:.2f} at distance 1 and {weights[0, 10]:.3f} at 10. "
    "Each further head starts at about half the weight and reaches twice as far; head "
    f"8 starts at {weights[7, 1]:.4f} and has half of that at "
    f"{(weights[7] > weights[7, 1] / 2).sum().item()}."
)
