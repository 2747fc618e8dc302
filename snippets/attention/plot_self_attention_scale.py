"""
Self-attention: unscaled scores saturate the softmax
====================================================

For :doc:`/attention/self_attention`: random queries and keys of variance one, 64 keys
for each query. Without the division by the square root of the width, one key takes
nearly the whole weight of a wide head, and the derivative of the softmax vanishes.
"""

import matplotlib.pyplot as plt
import torch

from snippets.attention.self_attention import attention_weights

torch.manual_seed(0)

# %%
# Two numbers for a row of weights
# --------------------------------
# The largest weight, and the size of the derivative: the Frobenius norm of the matrix
# of slopes of all weights with respect to all scores. We plot the mean of the first
# and the median of the second over 500 queries.


def derivative_size(weights):
    """Norm of ``diag(w) - w wᵀ`` for each row of weights."""
    slopes = torch.diag_embed(weights) - weights[..., None] * weights[..., None, :]
    return slopes.norm(dim=(-2, -1))


widths = [2**n for n in range(1, 11)]
largest = {"divided": [], "not divided": []}
derivative = {"divided": [], "not divided": []}
for head_dim in widths:
    query, key = torch.randn(500, 1, head_dim), torch.randn(500, 64, head_dim)
    for name, factor in {"divided": 1, "not divided": head_dim**0.5}.items():
        weights = attention_weights(factor * query, key)[:, 0]
        largest[name].append(weights.amax(-1).mean().item())
        derivative[name].append(derivative_size(weights).median().item())

assert max(largest["divided"]) < 0.25
assert largest["not divided"][-1] > 0.9
assert min(derivative["divided"]) > 0.1
assert derivative["not divided"][-1] < 0.01
assert derivative["not divided"][3] > derivative["divided"][3]  # 16 features

fig, axes = plt.subplots(1, 2, figsize=(6.4, 3), layout="constrained")
panels = {"largest of 64 weights": largest, "size of the derivative": derivative}
for ax, (title, lines) in zip(axes, panels.items(), strict=True):
    for name, line in lines.items():
        ax.plot(widths, line, "o-", label=name)
    ax.set_xscale("log", base=2)
    ax.set_xticks(widths[::3], labels=[str(n) for n in widths[::3]])
    ax.minorticks_off()
    ax.set(xlabel="head_dim")
    ax.set_title(title, loc="left", fontsize=10)
axes[0].axhline(1 / 64, color="0.5", ls=":")
axes[0].text(2, 1 / 64 + 0.02, "equal weights")
axes[0].set(ylim=(0, 1))
axes[1].set(yscale="log")
axes[0].legend(title="scores")
fig.set_label(
    "Two panels over the width of a head, 2 to 1024. Left, the largest of 64 weights: "
    f"with division at most {max(largest['divided']):.2f}, without it rising to "
    f"{largest['not divided'][-1]:.2f}. Right, the size of the derivative on a "
    f"logarithmic axis: with division near {derivative['divided'][-1]:.2f}; without it "
    f"{derivative['not divided'][3]:.2f} at 16 features and "
    f"{derivative['not divided'][-1]:.0e} at 1024."
)
measured = {
    "largest_divided": largest["divided"][-1],
    "largest_not_divided": largest["not divided"][-1],
    "slope_1024": derivative["divided"][-1],
    "slope_1024_not": derivative["not divided"][-1],
    "slope_16_not": derivative["not divided"][3],
}
