"""
Larger projections saturate the softmax, unless queries and keys are normalized
===============================================================================

For :doc:`/attention/stabilized_attention`: the query and key projections of an
untrained layer are multiplied by a common factor. Left, the largest score; right, the
mean entropy of the attention weights.
"""

import math

import matplotlib.pyplot as plt
import torch

from snippets.attention.stabilized_attention import StabilizedAttention

SEQ, D_MODEL = 64, 64
FACTORS = torch.logspace(0, 2, 13).tolist()
LAYERS = {"neither": {}, "soft-capping": {"cap": 50.0}, "QK-norm": {"qk_norm": True}}

# %%
# The same layer, with ever larger projections
# --------------------------------------------

x = torch.randn(16, SEQ, D_MODEL, generator=torch.Generator().manual_seed(0))
largest, entropy = ({name: [] for name in LAYERS} for _ in range(2))
for name, options in LAYERS.items():
    for factor in FACTORS:
        torch.manual_seed(1)
        layer = StabilizedAttention(d_model=D_MODEL, heads=4, **options)
        with torch.no_grad():
            layer.query.weight *= factor
            layer.key.weight *= factor
            weights = layer.weights(x)
            largest[name].append(layer.scores(x).abs().max())
        entropy[name].append(torch.special.entr(weights).sum(dim=-1).mean())

assert largest["neither"][-1] / largest["neither"][0] > 9999  # grows with the square
assert largest["soft-capping"][-1] <= 50
assert entropy["neither"][-1] < 0.02
assert abs(entropy["QK-norm"][-1] - entropy["QK-norm"][0]) < 0.01

fig, axes = plt.subplots(1, 2, figsize=(6.4, 3), layout="constrained")
for color, (name, mark) in enumerate(zip(LAYERS, "osv", strict=True)):
    for ax, values in zip(axes, (largest[name], entropy[name]), strict=True):
        ax.plot(FACTORS, values, f"{mark}-", color=f"C{color}", ms=4, label=name)
for ax, title in zip(axes, ("largest score", "entropy, nats"), strict=True):
    ax.set(xscale="log", xlabel="factor of both projections")
    ax.set_title(title, loc="left", fontsize=10)
axes[0].set(yscale="log")
axes[1].set(ylim=(0, 1.08 * math.log(SEQ)))
axes[1].axhline(math.log(SEQ), color="0.5", ls=":")
axes[0].legend(fontsize=8)
fig.set_label(
    "Two panels over a factor from 1 to 100. Left, the largest score: in plain "
    f"attention it rises from {largest['neither'][0]:.1f} to "
    f"{largest['neither'][-1]:.0f}, with soft-capping to "
    f"{largest['soft-capping'][-1]:.0f}, with QK-norm it stays at "
    f"{largest['QK-norm'][-1]:.1f}. Right, the entropy: it falls from "
    f"{entropy['neither'][0]:.1f} to {entropy['neither'][-1]:.2f} in plain attention "
    f"and to {entropy['soft-capping'][-1]:.2f} with soft-capping, and stays at "
    f"{entropy['QK-norm'][-1]:.1f} with QK-norm. Equal weights would have "
    f"{math.log(SEQ):.1f}."
)
measured = {"start": entropy["neither"][0], "plain": entropy["neither"][-1]}
