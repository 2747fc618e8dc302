"""
Self-attention: unscaled scores saturate the softmax
====================================================

For :doc:`/attention/self_attention`: random queries and keys of variance one, 64 keys
for each query. Without the division by the square root of the width, one key takes
nearly the whole weight of a wide head. The derivative of the softmax then vanishes for
most queries, and is smaller in the mean.
"""

import matplotlib.pyplot as plt
import torch

from snippets.attention.self_attention import attention_weights
from snippets.attention.softmax_derivative import derivative_norm

torch.manual_seed(0)

# %%
# Two numbers for a row of weights
# --------------------------------
# The largest weight, and the size of the derivative: the Frobenius norm of the matrix
# of derivatives of all weights with respect to all scores. We plot the mean of the
# first, and the mean and the median of the second over 2000 queries.

widths = [2**n for n in range(1, 11)]
factors = {"divided": lambda d: 1, "not divided": lambda d: d**0.5}
largest, mean, median = ({name: [] for name in factors} for _ in range(3))
for head_dim in widths:
    query, key = torch.randn(2000, 1, head_dim), torch.randn(2000, 64, head_dim)
    for name, factor in factors.items():
        weights = attention_weights(factor(head_dim) * query, key)[:, 0]
        sizes = derivative_norm(weights)
        largest[name].append(weights.amax(-1).mean())
        mean[name].append(sizes.mean())
        median[name].append(sizes.median())

assert max(largest["divided"]) < 0.25
assert largest["not divided"][-1] > 0.9
assert min(median["divided"]) > 0.1
assert median["not divided"][-1] < 0.01
assert 0.03 < mean["not divided"][-1] < mean["divided"][-1] / 2
assert mean["not divided"][3] > mean["divided"][3]  # 16 features

fig, axes = plt.subplots(1, 2, figsize=(6.4, 3), layout="constrained")
for name, color in zip(factors, ("C0", "C1"), strict=True):
    axes[0].plot(widths, largest[name], "o-", color=color, label=name)
    axes[1].plot(widths, mean[name], "o-", color=color, label=f"{name}, mean")
    axes[1].plot(widths, median[name], "s:", color=color, label=f"{name}, median")
titles = ("largest of 64 weights", "size of the derivative")
for ax, title in zip(axes, titles, strict=True):
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
axes[1].legend(loc="lower left", fontsize=8)
fig.set_label(
    "Two panels over the width of a head, 2 to 1024. Left, the largest of 64 weights: "
    f"with division at most {max(largest['divided']):.2f}, without it rising to "
    f"{largest['not divided'][-1]:.2f}. Right, the size of the derivative on a "
    f"logarithmic axis: with division near {mean['divided'][-1]:.2f}; without it, in "
    f"the mean, {mean['not divided'][3]:.2f} at 16 features and "
    f"{mean['not divided'][-1]:.2f} at 1024, where the median is "
    f"{median['not divided'][-1]:.0e}."
)
measured = {
    "largest_divided": largest["divided"][-1],
    "largest_not_divided": largest["not divided"][-1],
    "slope_1024": mean["divided"][-1],
    "slope_1024_not": mean["not divided"][-1],
    "median_1024": median["divided"][-1],
    "median_1024_not": median["not divided"][-1],
}
