"""
A model with ALiBi loses little on texts four times as long
===========================================================

For :doc:`/positions/alibi`: models with ALiBi learn from texts of 16 tokens, those with
sinusoidal positions from 32. All read 64 tokens, ALiBi also with distant keys hidden.
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
nearest = evaluate(models, held_out)
for model in models:
    model.scheme.keep_first = True
near = evaluate(models, held_out)

# Losses start at token 3, which is read at position 2.
inside, double, beyond = slice(2, 14), slice(14, 30), slice(46, None)
better, worse = (x.symbol[:, double].mean(1) for x in (sinusoidal, straight))
assert (better < worse.min()).sum() >= 2
late, topic = (x[:, beyond].mean(1) for x in straight)
keeping, hiding = (x[:, beyond].mean(1) for x in (near.symbol, nearest.topic))
assert sinusoidal.symbol[:, beyond].mean() > 0.7 > 0.06 > late.max()
assert (keeping < late).all()
measured = {"windowed": keeping.mean(), "topic": topic.max()}
measured["windowed_topic"] = hiding.mean()
for key, part in {"inside": inside, "double": double, "beyond": beyond}.items():
    measured[key] = straight.symbol[:, part].mean()
    measured[f"sinusoidal_{key}"] = sinusoidal.symbol[:, part].mean()

fig, ax = plt.subplots()
draw(ax, straight.symbol, "C0", "ALiBi, trained at 16")
draw(ax, sinusoidal.symbol, "C1", "sinusoidal, trained at 32")
ax.axvline(2 * SHORT, color="0.5", ls=":")
ax.set(ylabel="loss, next symbol (nats)")
ax.legend(loc="upper left")
fig.set_label(
    "Loss on the next symbol to position 64, logarithmic, three lines each. Sinusoidal "
    f"models jump at 32, to a mean of {measured['sinusoidal_beyond']:.2f} nats after "
    f"48. ALiBi rises slowly, to {measured['beyond']:.3f}."
)

fig, axes = plt.subplots(1, 2, figsize=(6.2, 3), sharey=True)
draw(axes[0], straight.symbol, "C0", "all keys")
draw(axes[0], near.symbol, "C3", "nearest 16 and the first")
draw(axes[1], straight.topic, "C0", "all keys")
draw(axes[1], nearest.topic, "C3", "nearest 16 keys")
for ax, what in zip(axes, straight._fields, strict=True):
    ax.set(title=what)
    ax.legend(fontsize=8)
axes[0].set_ylabel("loss (nats)")
fig.set_label(
    "Losses of the ALiBi models over position to 64, logarithmic, three lines each. "
    f"Left, the next symbol after 48: {measured['beyond']:.3f} nats with all keys and "
    f"{measured['windowed']:.3f} with the nearest 16 and the first. Right, the topic: "
    f"at most {measured['topic']:.3f} with all keys, {hiding.mean():.1f} with 16."
)
