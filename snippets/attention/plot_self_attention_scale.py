"""
Self-attention: unscaled scores saturate the softmax
====================================================

For :doc:`/attention/self_attention`: random queries and keys of variance one, 64 keys
for each query. Without the division by the square root of the width, one key takes
nearly the whole weight of a wide head. The derivative with respect to the scores then
vanishes for most queries; the one with respect to the query is larger in the mean.
"""

import matplotlib.pyplot as plt
import torch

from snippets.attention.self_attention import attention_weights
from snippets.attention.softmax_derivative import derivative_norm, query_derivative_norm

torch.manual_seed(0)

# %%
# Two numbers for a row of weights
# --------------------------------
# The largest weight, and the Frobenius norm of the derivatives of all weights with
# respect to all scores. For 1024 features, also those with respect to the query.

widths = [2**n for n in range(1, 11)]
factors = {"divided": lambda d: 1, "not divided": lambda d: d**0.5}
largest, mean, median = ({name: [] for name in factors} for _ in range(3))
by_query = {}
for head_dim in widths:
    query, key = torch.randn(2000, 1, head_dim), torch.randn(2000, 64, head_dim)
    for name, factor in factors.items():
        weights = attention_weights(factor(head_dim) * query, key)[:, 0]
        sizes = derivative_norm(weights)
        largest[name].append(weights.amax(-1).mean())
        mean[name].append(sizes.mean())
        median[name].append(sizes.median())
        scale = factor(head_dim) / head_dim**0.5
        by_query[name] = query_derivative_norm(weights[:500], key[:500], scale)

assert largest["divided"][-1] < 0.25 < 0.9 < largest["not divided"][-1]
assert by_query["not divided"].mean() > 5 * by_query["divided"].mean()
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
    ax.set_title(title, loc="left", fontsize=10)
axes[0].axhline(1 / 64, color="0.5", ls=":")
axes[0].text(2, 1 / 64 + 0.02, "equal weights")
axes[0].set(ylim=(0, 1), xlabel="head_dim")
axes[1].set(yscale="log", xlabel="head_dim")
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
    "query_1024": by_query["divided"].mean(),
    "query_1024_not": by_query["not divided"].mean(),
}
