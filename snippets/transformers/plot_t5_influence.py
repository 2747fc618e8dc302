"""
What the encoder and the decoder of T5 may see
==============================================

Figure for :doc:`/transformers/t5`: in a T5 with random weights, how much each output
changes with each embedding that the model reads.
"""

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.colors import LogNorm

from snippets.transformers.t5 import T5, initialize, shift_right

torch.manual_seed(0)
text = ["the", "grey", "cat", "<X>", "warm", "mat", "near", "<Y>", "stove"]
answer = ["<X>", "slept", "on", "a", "<Y>", "the", "old", "<Z>"]
ids = {word: i for i, word in enumerate(["start", *dict.fromkeys(text + answer)])}
tokens = torch.tensor([[ids[word] for word in text]])
targets = torch.tensor([[ids[word] for word in answer]])
sizes = {"d_model": 32, "heads": 4, "head_dim": 8, "d_ff": 64, "layers": 2}
model = initialize(T5(vocab=len(ids), **sizes))

# %%
# Gradients of each output
# ------------------------


def influence(outputs: torch.Tensor, read: list[torch.Tensor]) -> np.ndarray:
    """Length of the gradient of each output with respect to each embedding."""
    rows = []
    for output in outputs[0]:
        direction = torch.randn(len(output), generator=torch.Generator().manual_seed(1))
        grads = torch.autograd.grad(output @ direction, read, retain_graph=True)
        rows.append(torch.cat([grad[0].norm(dim=-1) for grad in grads]))
    return torch.stack(rows).numpy()


x = model.shared(tokens).detach().requires_grad_()
y = model.shared(shift_right(targets)).detach().requires_grad_()
memory = model.encoder(x)
encoded = influence(memory, [x])
decoded = influence(model.decoder(y, None, memory), [x, y])
future = decoded[:, len(text) :][np.triu_indices(len(answer), 1)]
assert (future == 0).all()
assert (encoded > 0).all()
assert (decoded[:, : len(text)] > 0).all()

# %%
# The figure
# ----------

ratio = [len(text), len(text) + len(answer)]
fig, axes = plt.subplots(
    1, 2, figsize=(6.4, 2.9), layout="constrained", width_ratios=ratio
)
shown = ["start", *answer[:-1]]
panels = ((encoded, text, text, "encoder"), (decoded, text + shown, answer, "decoder"))
for ax, (values, read, written, name) in zip(axes, panels, strict=True):
    values = np.where(values > 0, values / values.max(axis=1, keepdims=True), np.nan)
    image = ax.imshow(values, norm=LogNorm(1e-2, 1))
    ax.set_xticks(range(len(read)), read, rotation=90, fontsize=8)
    ax.set_yticks(range(len(written)), written, fontsize=8)
    ax.set(title=name, xlabel="reads")
axes[0].set_ylabel("output at")
axes[1].set_ylabel("predicts")
axes[1].axvline(len(text) - 0.5, color="0.5")
fig.colorbar(image, ax=axes, label="influence / largest in row", shrink=0.8)
fig.set_label(
    f"Two maps. Encoder: each of {len(text)} outputs depends on all inputs. "
    f"Decoder: each of {len(answer)} predictions depends on all inputs, and on the "
    "targets before it; the cells of later targets are empty."
)
