"""
Experts hold most parameters of DeepSeek-V3, and a token uses few of them
=========================================================================

A figure of :doc:`/transformers/deepseek`, counted from the published sizes: shares of
all parameters, and of those that a token uses.
"""

import matplotlib.pyplot as plt

from snippets.transformers.deepseek_sizes import V3, mtp_parameters, parameter_parts

PIECES = {
    "experts, routers": ("experts", "routers"),
    "shared expert": ("shared expert",),
    "dense networks": ("dense networks",),
    "attention": ("attention",),
    "embedding, head, norms": ("embedding", "head", "norms"),
}
counts = parameter_parts(V3), parameter_parts(V3, V3.top_k)
billions = [sum(parts.values()) / 1e9 for parts in counts]
shares = {
    piece: [sum(parts[n] for n in names) / sum(parts.values()) for parts in counts]
    for piece, names in PIECES.items()
}

fig, ax = plt.subplots(figsize=(6.4, 2.4), layout="constrained")
left = [0.0, 0.0]
for piece, widths in shares.items():
    ax.barh([0, 1], widths, left=left, label=piece, height=0.5)
    for row, share in enumerate(widths):
        if share > 0.05:  # above the bar, where both themes can be read
            ax.text(left[row] + share / 2, row - 0.28, f"{share:.0%}", ha="center")
    left = [a + b for a, b in zip(left, widths, strict=True)]
ax.set_yticks(
    [0, 1], [f"all\n{billions[0]:.1f} billion", f"used\n{billions[1]:.1f} billion"]
)
ax.set(xlabel="share of the parameters", xlim=(0, 1), ylim=(1.4, -0.6))
fig.legend(ncols=3, loc="outside lower center", fontsize=8)
experts, attention = shares["experts, routers"], shares["attention"]
fig.set_label(
    f"Two stacked bars. Experts and routers have {experts[0]:.0%} of all "
    f"{billions[0]:.0f} billion parameters, and {experts[1]:.0%} of the "
    f"{billions[1]:.1f} billion that a token uses; attention has {attention[0]:.0%} "
    f"and {attention[1]:.0%}."
)

join, shared = 2 * V3.d_model**2, 2 * counts[0]["head"]  # the embedding is as large
module, used = mtp_parameters(V3), mtp_parameters(V3, V3.top_k) + shared
measured = {
    "billions": billions[0],
    "billions_used": billions[1],
    "billions_used_row": billions[1] - counts[1]["embedding"] / 1e9,
    "module": module / 1e9,
    "module_without_join": (module - join) / 1e9,
    "module_used": used / 1e9,
    "module_used_without_join": (used - join) / 1e9,
}
