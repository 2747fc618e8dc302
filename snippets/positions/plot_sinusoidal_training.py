"""
A head learns to look three tokens back, with sinusoids and with a trained table
================================================================================

Accuracy during training of heads that name the symbol three tokens before, at two
learning rates. See :doc:`/positions/sinusoidal`.
"""

from functools import partial

import matplotlib.pyplot as plt
import torch

from snippets.positions.learned_positions import LearnedPositions
from snippets.positions.looking_back import SYMBOLS, Head, train
from snippets.positions.sinusoidal import sinusoidal

SEEN, D_MODEL, STEPS = 32, 64, 120
RATES = {"slow": 0.003, "fast": 0.01}
schemes = {
    "sinusoidal": lambda: partial(sinusoidal, d_model=D_MODEL),
    "table": partial(  # whose mean square is that of the sinusoids, 1/2
        LearnedPositions, max_len=SEEN, d_model=D_MODEL, std=0.5**0.5
    ),
}
measured = {}
fig, axes = plt.subplots(1, 2, figsize=(6.2, 3), sharey=True)
for ax, (speed, rate) in zip(axes, RATES.items(), strict=True):
    for color, (name, positions) in enumerate(schemes.items()):
        history = []
        for seed in range(3):
            torch.manual_seed(seed)
            head = Head(positions(), d_model=D_MODEL)
            history.append(train(head, seq=SEEN, steps=STEPS, rate=rate))
            line = history[-1].unfold(0, 10, 2).mean(-1)  # means of ten steps
            at = 5 + 2 * torch.arange(len(line))
            label = None if seed else name
            ax.plot(at, line, color=f"C{color}", lw=1.2, label=label)
        measured[f"{name}_{speed}"] = torch.stack(history)[:, 80:100].mean(1)
    ax.axhline(1 / SYMBOLS, color="0.5", ls=":")
    ax.set(xlabel="steps of training", title=f"learning rate {rate}")
assert measured["table_slow"].min() > measured["sinusoidal_slow"].max() + 0.05
assert min(measured["sinusoidal_fast"].min(), measured["table_fast"].min()) > 0.98
measured = {key: value.mean() for key, value in measured.items()}

axes[0].set(ylabel="accuracy", ylim=(0, 1.05))
axes[1].legend(loc="lower right")
fig.set_label(
    "Accuracy over 120 steps of training, three lines for each of two schemes. At "
    "steps 80 to 100 and learning rate 0.003, sinusoids average "
    f"{measured['sinusoidal_slow']:.2f} and tables {measured['table_slow']:.2f}; at "
    f"0.01, {measured['sinusoidal_fast']:.2f} and {measured['table_fast']:.2f}."
)
