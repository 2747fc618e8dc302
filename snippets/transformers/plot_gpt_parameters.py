"""
Where the parameters of GPT-2's four sizes are
==============================================

A figure of :doc:`/transformers/gpt`. The four models are made without memory for their
weights, and the shapes of all tensors are counted by part.
"""

import matplotlib.pyplot as plt
import torch

from snippets.transformers.gpt import GPT, parameters

SIZES = {  # layers, d_model, heads: the configuration files of the four models
    "small": (12, 768, 12),
    "medium": (24, 1024, 16),
    "large": (36, 1280, 20),
    "XL": (48, 1600, 25),
}
PARTS = {"tokens": "wte", "positions": "wpe", "attention": ".attn.", "MLP": ".mlp."}


def count(layers, d_model, heads):
    """Parameters by part; norms are in none of the parts."""
    fixed = {"vocab": 50257, "n_positions": 1024, "layers": layers, "d_model": d_model}
    with torch.device("meta"):
        shapes = dict(GPT(**fixed, heads=heads).named_parameters())
    total = sum(weight.numel() for weight in shapes.values())
    assert total == parameters(**fixed)
    return total, {
        part: sum(w.numel() for name, w in shapes.items() if key in name)
        for part, key in PARTS.items()
    }


counted = {name: count(*sizes) for name, sizes in SIZES.items()}
labels = [f"{name}, {total / 1e6:.0f} million" for name, (total, _) in counted.items()]

fig, ax = plt.subplots(figsize=(6.4, 2.6), layout="constrained")
left = [0.0] * len(SIZES)
for part in PARTS:
    share = [parts[part] / total for total, parts in counted.values()]
    ax.barh(labels, share, left=left, label=part, height=0.7)
    left = [a + b for a, b in zip(left, share, strict=True)]
ax.set(xlabel="share of the parameters", xlim=(0, 1))
ax.invert_yaxis()
fig.legend(loc="outside upper center", ncols=4)

shares = {name: parts["tokens"] / total for name, (total, parts) in counted.items()}
fig.set_label(
    "Four stacked bars. The table of tokens has "
    + ", ".join(f"{share:.0%} of {name}" for name, share in shares.items())
    + "; the MLPs have twice as much as attention; the positions hardly show."
)
measured = {
    **{f"million_{name}": total / 1e6 for name, (total, _) in counted.items()},
    "tokens_small": shares["small"],
    "tokens_xl": shares["XL"],
}
assert shares["small"] > 4 * shares["XL"]
