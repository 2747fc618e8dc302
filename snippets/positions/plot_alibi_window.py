"""
ALiBi uses distant keys where the task needs them
=================================================

Three models with ALiBi, trained on texts of 16 tokens, read texts of 64 with all keys
in sight and with those hidden that are 16 or more tokens away. See
:doc:`/positions/alibi`.
"""

import matplotlib.pyplot as plt
import torch

from snippets.positions.alibi import alibi_bias, slopes
from snippets.positions.positional_encodings import Alibi, Reader, causal_attention
from snippets.positions.symbol_language import batches, evaluate, texts, train

# sphinx_gallery_time_limit = 600
torch.manual_seed(0)
SHORT, LONG, SEEDS, STEPS, BATCH = 16, 64, 3, 500, 16


class WindowedAlibi(Alibi):
    """ALiBi that hides all keys farther than the trained length."""

    def attend(self, query, key, value):
        heads, seq = query.shape[1:3]
        bias = alibi_bias(slopes(heads), seq, seq)
        far = torch.ones(seq, seq, dtype=torch.bool).tril(-SHORT)
        return causal_attention(query, key, value, bias.masked_fill(far, -torch.inf))


drawn = batches(STEPS, SEEDS, BATCH, SHORT, seed=0)
models = [
    Reader(Alibi(), tokens=10, outputs=10, d_model=24, heads=3) for _ in range(SEEDS)
]
models, _ = train(models, drawn, rate=2e-2)
held_out = texts(96, LONG + 1, seed=1)
losses = {"all keys": evaluate(models, held_out)}
for model in models:
    model.scheme = WindowedAlibi()
losses["nearest 16 keys"] = evaluate(models, held_out)

beyond = slice(3 * SHORT - 2, None)  # losses start at position 3
full, window = losses.values()
assert full.topic[:, beyond].mean(1).max() < 0.1
assert window.topic[:, beyond].mean(1).min() > 1.6
assert (full.symbol - window.symbol)[:, beyond].mean().abs() < 0.05
measured = {"topic": full.topic[:, beyond].mean()}
measured["windowed_topic"] = window.topic[:, beyond].mean()
measured["all_keys"] = full.symbol[:, beyond].mean()
measured["windowed"] = window.symbol[:, beyond].mean()

fig, axes = plt.subplots(1, 2, figsize=(6.2, 3), sharey=True)
for color, (name, loss) in zip(("C0", "C3"), losses.items(), strict=True):
    for ax, part in zip(axes, loss, strict=True):
        for seed, line in enumerate(part.unfold(1, 3, 1).mean(-1)):
            label = None if seed else name
            ax.plot(range(4, LONG), line, color=color, lw=1.2, label=label)
for ax, what in zip(axes, ("next symbol", "topic"), strict=True):
    ax.axvline(SHORT, color="0.5", ls=":")
    ax.set(title=what, xlabel="position", yscale="log")
axes[0].set(ylabel="loss (nats)")
axes[0].legend()
fig.set_label(
    "Losses over position to 64, logarithmic, three lines each. Left, the next symbol: "
    f"after 48, means of {measured['all_keys']:.2f} nats with all keys and of "
    f"{measured['windowed']:.2f} with the nearest 16. Right, the topic: "
    f"{measured['topic']:.2f} with all keys; with the nearest 16 the loss jumps after "
    f"position 16 and averages {measured['windowed_topic']:.1f} after 48."
)
