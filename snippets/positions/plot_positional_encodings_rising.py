"""
Three schemes that fail beyond the trained length
=================================================

Models with learned positions, sinusoidal ones, and RoPE learn from texts of 16 tokens
and read texts of 64. See :doc:`/positions/positional_encodings`.
"""

import matplotlib.pyplot as plt
import torch

from snippets.positions.positional_encodings import Learned, Reader, Rotary, Sinusoidal
from snippets.positions.symbol_language import (
    batches,
    evaluate,
    means,
    next_symbol,
    texts,
    train,
)

# sphinx_gallery_time_limit = 600
torch.manual_seed(0)
TRAINED, LONG, SEEDS, STEPS, BATCH = 16, 64, 3, 400, 16
schemes = {
    "learned": lambda: Learned(max_len=LONG, d_model=24),
    "sinusoidal": Sinusoidal,
    "RoPE": lambda: Rotary(head_dim=8),
}
drawn = batches(STEPS, SEEDS, BATCH, TRAINED, seed=0)
held_out = texts(96, LONG + 1, seed=1)

# %%
# What a model loses that knows only how often each symbol occurs, or only which symbol
# follows which.

truth = next_symbol()[held_out[:, 1:-2], held_out[:, 2:-1]]
entropy = -(truth * truth.log()).sum(-1).mean()
counts = torch.zeros(5, 5)
pairs = held_out[:, 2:-1].flatten(), held_out[:, 3:].flatten()
counts.index_put_(pairs, torch.ones(()), accumulate=True)
often, follows = counts.sum(0) / counts.sum(), counts / counts.sum(1, keepdim=True)
guess = (-(truth @ often.log()).mean() - entropy).item()
one_back = (-(truth * follows[held_out[:, 2:-1]].log()).sum(-1).mean() - entropy).item()

# %%
# Three seeds of each scheme, trained side by side.

measured = {"guess": guess, "one_back": one_back}
fig, axes = plt.subplots(2, figsize=(6.2, 5.6), sharex=True, height_ratios=[3, 2])
for color, (name, scheme) in zip(("C0", "C1", "C2"), schemes.items(), strict=True):
    models = [
        Reader(scheme(), tokens=10, outputs=10, d_model=24, heads=3) for _ in "123"
    ]
    models, _ = train(models, drawn, rate=2e-2)
    loss = evaluate(models, held_out)  # from position 3 on
    found = means(loss, TRAINED)
    assert found.inside.max() < 0.15 < 0.7 < found.beyond.min()
    measured |= found.measured(name.lower())
    for ax, lines in zip(axes, loss, strict=True):
        for seed, line in enumerate(lines.unfold(1, 3, 1).mean(-1)):
            label = name if seed == 0 else None
            ax.plot(range(4, LONG), line, color=color, lw=1.2, label=label)

for ax, what in zip(axes, ("next symbol", "topic"), strict=True):
    ax.axvline(TRAINED, color="0.5", ls=":")
    ax.set(ylabel=f"loss, {what} (nats)")
axes[0].set(ylim=(0, None))
axes[0].legend(loc="upper left")
axes[1].set(xlabel="position", yscale="log")
fig.set_label(
    "Loss over positions to 64, three lines for each of three schemes trained at 16. "
    "On the next symbol learned positions jump at 16, and the other two rise more "
    "slowly. Means after 48 in nats: "
    + ", ".join(f"{n} {measured[f'{n.lower()}_beyond']:.1f}" for n in schemes)
    + "."
)
