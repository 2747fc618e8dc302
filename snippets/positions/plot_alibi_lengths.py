"""
A model with ALiBi keeps its loss on texts four times as long
=============================================================

Models with ALiBi and with sinusoidal positions learn from texts of 16 or 32 tokens and
read texts of 64. See :doc:`/positions/alibi`.
"""

import matplotlib.pyplot as plt
import torch

from snippets.positions.positional_encodings import Alibi, Reader, Sinusoidal
from snippets.positions.symbol_language import batches, evaluate, texts, train

# sphinx_gallery_time_limit = 600
torch.manual_seed(0)
SHORT, LONG, SEEDS, STEPS = 16, 64, 3, 400
held_out = texts(96, LONG + 1, seed=1)


def trained(scheme, seq: int) -> list[Reader]:
    """Three models; a step has 256 tokens of each, whatever the length of its texts."""
    batch = 256 // seq
    drawn = batches(STEPS, SEEDS, batch, seq, seed=0)
    models = [
        Reader(scheme(), tokens=10, outputs=10, d_model=24, heads=3)
        for _ in range(SEEDS)
    ]
    return train(models, drawn, rate=2e-2)[0]


losses = {
    "ALiBi, trained at 16": evaluate(trained(Alibi, SHORT), held_out),
    "sinusoidal, trained at 16": evaluate(trained(Sinusoidal, SHORT), held_out),
    "sinusoidal, trained at 32": evaluate(trained(Sinusoidal, 2 * SHORT), held_out),
}

# Losses start at token 3, which is read at position 2.
inside, double, beyond = slice(2, 14), slice(14, 30), slice(46, None)
straight, sinusoidal, sinusoidal_32 = losses.values()
assert (sinusoidal.symbol[:, beyond].mean(1) > 0.8).all()
assert straight.symbol[:, beyond].mean(1).max() < 0.15
short_long = straight.symbol[:, double].mean(1), sinusoidal_32.symbol[:, double].mean(1)
gap = (short_long[0].mean() - short_long[1].mean()).abs()
spread = max(loss.max() - loss.min() for loss in short_long)
assert gap < spread
measured = {
    "inside": straight.symbol[:, inside].mean(),
    "beyond": straight.symbol[:, beyond].mean(),
    "double": straight.symbol[:, double].mean(),
    "double_gap": gap,
    "double_spread": spread,
    "sinusoidal_inside": sinusoidal.symbol[:, inside].mean(),
    "sinusoidal_beyond": sinusoidal.symbol[:, beyond].mean(),
    "sinusoidal_double": sinusoidal_32.symbol[:, double].mean(),
}

fig, ax = plt.subplots()
for color, (name, loss) in zip(("C0", "C1", "C2"), losses.items(), strict=True):
    for seed, line in enumerate(loss.symbol.unfold(1, 3, 1).mean(-1)):
        label = None if seed else name
        ax.plot(range(4, LONG), line, color=color, lw=1.2, label=label)
for length in (SHORT, 2 * SHORT):
    ax.axvline(length, color="0.5", ls=":")
ax.set(xlabel="position", ylabel="loss, next symbol (nats)", yscale="log")
ax.set(ylim=(3e-3, None))
ax.legend(loc="lower right")
fig.set_label(
    "Loss on the next symbol over positions to 64, logarithmic, three lines each. The "
    "models with sinusoidal positions jump at the length of their training, 16 or 32. "
    f"After 48, those trained at 16 average {measured['sinusoidal_beyond']:.2f} nats, "
    f"and those with ALiBi {measured['beyond']:.2f}."
)
