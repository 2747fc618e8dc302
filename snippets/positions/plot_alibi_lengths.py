"""
A model with ALiBi keeps its loss on texts four times as long
=============================================================

Models with ALiBi learn from texts of 16 tokens, models with sinusoidal positions from
texts of 32. All read texts of 64, ALiBi also with distant keys hidden. See
:doc:`/positions/alibi`.
"""

import matplotlib.pyplot as plt
import torch

from snippets.positions.positional_encodings import Alibi, Reader, Sinusoidal
from snippets.positions.symbol_language import batches, evaluate, texts, train
from snippets.positions.windowed_alibi import WindowedAlibi

# sphinx_gallery_time_limit = 600
SHORT, LONG, SEEDS, STEPS = 16, 64, 3, 1200
held_out = texts(96, LONG + 1, seed=1)


def trained(scheme, seq: int) -> list[Reader]:
    """Three models; a step has 256 tokens of each, whatever the length of its texts."""
    torch.manual_seed(0)
    drawn = batches(STEPS, SEEDS, 256 // seq, seq, seed=0)
    sizes = {"tokens": 10, "outputs": 10, "d_model": 24, "heads": 3}
    return train([Reader(scheme(), **sizes) for _ in range(SEEDS)], drawn, rate=2e-2)[0]


def draw(ax, loss: torch.Tensor, color: str, name: str) -> None:
    for seed, line in enumerate(loss.unfold(1, 3, 1).mean(-1)):
        ax.plot(range(4, LONG), line, color, lw=1.2, label=None if seed else name)
    ax.axvline(SHORT, color="0.5", ls=":")
    ax.set(xlabel="position", yscale="log")


sinusoidal = evaluate(trained(Sinusoidal, 2 * SHORT), held_out)
straight = evaluate(models := trained(Alibi, SHORT), held_out)
for model in models:
    model.scheme = WindowedAlibi(window=SHORT)
window = evaluate(models, held_out)

# Losses start at token 3, which is read at position 2.
inside, double, beyond = slice(2, 14), slice(14, 30), slice(46, None)
better, worse = (x.symbol[:, double].mean(1) for x in (sinusoidal, straight))
assert better.max() < worse.min()
assert sinusoidal.symbol[:, beyond].mean(1).min() > 0.7
assert straight.symbol[:, beyond].mean(1).max() < 0.06
measured = {"topic": straight.topic[:, beyond].mean(1).max()}
windowed, windowed_topic = (loss[:, beyond].mean() for loss in window)
measured |= {"windowed": windowed, "windowed_topic": windowed_topic}
for key, part in {"inside": inside, "double": double, "beyond": beyond}.items():
    measured[key] = straight.symbol[:, part].mean()
    measured[f"sinusoidal_{key}"] = sinusoidal.symbol[:, part].mean()

fig, ax = plt.subplots()
draw(ax, straight.symbol, "C0", "ALiBi, trained at 16")
draw(ax, sinusoidal.symbol, "C1", "sinusoidal, trained at 32")
ax.axvline(2 * SHORT, color="0.5", ls=":")
ax.set(ylabel="loss, next symbol (nats)")
ax.legend(loc="center right")
fig.set_label(
    "Loss on the next symbol over positions to 64, logarithmic, three lines each. The "
    f"sinusoidal models jump at 32, to a mean of {measured['sinusoidal_beyond']:.2f} "
    f"nats after 48. ALiBi rises slowly, to {measured['beyond']:.3f}."
)

fig, axes = plt.subplots(1, 2, figsize=(6.2, 3), sharey=True)
for ax, what in zip(axes, ("symbol", "topic"), strict=True):
    draw(ax, getattr(straight, what), "C0", "all keys")
    draw(ax, getattr(window, what), "C3", "nearest 16 keys")
    ax.set(title=what)
axes[0].set(ylabel="loss (nats)")
axes[0].legend()
fig.set_label(
    "Losses of the ALiBi models over position to 64, logarithmic, three lines each. "
    f"Left, the next symbol: after 48, {measured['beyond']:.3f} nats with all keys and "
    f"{windowed:.3f} with the nearest 16. Right, the topic: {measured['topic']:.3f} or "
    f"less with all keys; with the nearest 16, {windowed_topic:.1f} after 48."
)
