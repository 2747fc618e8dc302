"""
A head learns to look three tokens back, with sinusoids and with a trained table
================================================================================

Accuracy during training of six heads that name the symbol three tokens before. See
:doc:`/positions/sinusoidal`.
"""

from functools import partial

import matplotlib.pyplot as plt
import torch

from snippets.positions.learned_positions import LearnedPositions
from snippets.positions.looking_back import SYMBOLS, Head, train
from snippets.positions.sinusoidal import sinusoidal

SEEN, D_MODEL, STEPS = 32, 64, 300
schemes = {
    "sinusoidal": lambda: partial(sinusoidal, d_model=D_MODEL),
    "trained table": partial(  # whose mean square is that of the sinusoids, 1/2
        LearnedPositions, max_len=SEEN, d_model=D_MODEL, std=0.5**0.5
    ),
}
measured = {}
fig, ax = plt.subplots()
for color, (name, positions) in enumerate(schemes.items()):
    history = []
    for seed in range(3):
        torch.manual_seed(seed)
        head = Head(positions(), d_model=D_MODEL)
        history.append(train(head, seq=SEEN, steps=STEPS))
        label = None if seed else name
        line = history[-1].unfold(0, 10, 2).mean(-1)  # means of ten steps
        at = 5 + 2 * torch.arange(len(line))
        ax.plot(at, line, color=f"C{color}", lw=1.2, label=label)
    history = torch.stack(history)
    measured[f"{name.split()[-1]}_early"] = history[:, 80:100].mean()
    measured[f"{name.split()[-1]}_late"] = history[:, 280:].mean()
    early = history[:, 80:100].mean(1)
    measured[f"{name.split()[-1]}_low"] = early.min()
    measured[f"{name.split()[-1]}_high"] = early.max()
assert measured["sinusoidal_late"] > 0.98
assert measured["table_late"] > 0.98
assert measured["table_low"] > measured["sinusoidal_high"] + 0.05
for unused in ("table_late", "table_high", "sinusoidal_low"):
    del measured[unused]

ax.axhline(1 / SYMBOLS, color="0.5", ls=":")
ax.set(xlabel="steps of training", ylabel="accuracy", ylim=(0, 1.05))
ax.legend(loc="lower right")
fig.set_label(
    "Accuracy over 300 steps of training, three lines for each of two schemes. After "
    f"80 to 100 steps, heads with sinusoids have {measured['sinusoidal_early']:.2f} on "
    f"average and heads with a trained table {measured['table_early']:.2f}. All end "
    "close to 1."
)
