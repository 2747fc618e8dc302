"""
Three relative schemes stay low beyond the trained length
=========================================================

Models with T5's bias, Shaw's tables, and ALiBi learn from texts of 16 tokens and
read texts of 64. See :doc:`/positions/positional_encodings`.
"""

import matplotlib.pyplot as plt
import torch

from snippets.positions.positional_encodings import T5, Alibi, Reader, Shaw
from snippets.positions.symbol_language import batches, evaluate, means, texts, train

# sphinx_gallery_time_limit = 600
torch.manual_seed(0)
TRAINED, LONG, SEEDS, STEPS, BATCH = 16, 64, 3, 400, 16
schemes = {
    "T5": lambda: T5(buckets=8, max_distance=8, heads=3),
    "Shaw": lambda: Shaw(reach=8, head_dim=8),
    "ALiBi": Alibi,
}
drawn = batches(STEPS, SEEDS, BATCH, TRAINED, seed=0)
held_out = texts(96, LONG + 1, seed=1)

# %%
# Three seeds of each scheme, trained side by side.

measured = {}
fig, axes = plt.subplots(2, figsize=(6.2, 5.6), sharex=True)
for place, (name, scheme) in enumerate(schemes.items()):
    models = [
        Reader(scheme(), tokens=10, outputs=10, d_model=24, heads=3) for _ in "123"
    ]
    models, _ = train(models, drawn, rate=2e-2)
    loss = evaluate(models, held_out)  # from position 3 on
    found = means(loss, TRAINED)
    assert found.inside.max() < 0.13
    assert found.beyond.max() < 0.3
    measured |= found.measured(name.lower())
    for ax, lines in zip(axes, loss, strict=True):
        for seed, line in enumerate(lines.unfold(1, 3, 1).mean(-1)):
            label = name if seed == 0 else None
            ax.plot(range(4, LONG), line, color=f"C{place + 3}", lw=1.2, label=label)

for ax, what in zip(axes, ("next symbol", "topic"), strict=True):
    ax.axvline(TRAINED, color="0.5", ls=":")
    ax.set(ylabel=f"loss, {what} (nats)", yscale="log")
axes[0].legend(ncol=3, loc="upper left", bbox_to_anchor=(0, 1.2))
axes[1].set(xlabel="position")
fig.set_label(
    "Loss over positions to 64, logarithmic, three lines for each of three schemes "
    "trained at 16. Mean after position 48 on the next symbol, in nats: "
    + ", ".join(f"{n} {measured[f'{n.lower()}_beyond']:.2f}" for n in schemes)
    + "."
)
