"""
A head looks three tokens back, but not beyond the positions of its training
============================================================================

Heads with sinusoidal positions learn from texts of 32 tokens to name the symbol three
tokens before, and read texts of 128. See :doc:`/positions/sinusoidal`.
"""

from functools import partial

import matplotlib.pyplot as plt
import torch
from torch.nn.functional import one_hot

from snippets.positions import looking_back as task
from snippets.positions.sinusoidal import shift_matrix, sinusoidal

SEEN, LONG, D_MODEL = 32, 128, 64


def by_hand(symbols):
    x = sinusoidal(torch.arange(symbols.shape[1]), D_MODEL)
    query = 100 * x @ shift_matrix(-task.BACK, D_MODEL).float().mT
    return task.attention(query, x, one_hot(symbols, task.SYMBOLS).float())


def trained(kind, steps: int, last_start: int = 0) -> torch.Tensor:
    """Accuracies of three heads; their texts begin at a random position."""
    lines = []
    for seed in range(3):
        torch.manual_seed(seed)
        head = kind(partial(sinusoidal, d_model=D_MODEL), d_model=D_MODEL)
        task.train(head, seq=SEEN, steps=steps, rate=0.01, last_start=last_start)
        lines.append(task.accuracy(head, test))
    return torch.stack(lines)


torch.manual_seed(9)
test = torch.randint(task.SYMBOLS, (200, LONG))
curves = {
    "trained at 0 to 31": trained(task.Head, steps=500),
    "same, positions only": trained(task.PositionHead, steps=500),
    "random starts": trained(task.Head, steps=300, last_start=LONG - SEEN),
    "matrix set by hand": task.accuracy(by_hand, test)[None],
}
inside, beyond = slice(SEEN - task.BACK), slice(SEEN - task.BACK, None)
first, apart, shifted, exact = curves.values()
assert min(first[:, inside].min(), apart[:, inside].min()) > 0.95
assert first[:, beyond].mean(1).max() < 0.6
assert 0.7 < apart[:, beyond].mean(1).min() <= apart[:, beyond].mean(1).max() < 0.95
assert shifted[:, beyond].mean(1).min() > 0.95
assert exact.min() == 1
measured = {"beyond": first[:, beyond].mean(), "apart": apart[:, beyond].mean()}
measured |= {"by_hand": exact.mean(), "random_starts": shifted[:, beyond].mean()}
measured["random_starts_last"] = shifted[:, -1].mean()

fig, ax = plt.subplots()
for color, (name, lines) in zip(("C0", "C3", "C1", "C2"), curves.items(), strict=True):
    for seed, line in enumerate(lines):
        style = {"lw": 5, "alpha": 0.4} if len(lines) == 1 else {"lw": 1.2}
        label = None if seed else name
        ax.plot(range(task.BACK, LONG), line, color=color, label=label, **style)
ax.axvline(SEEN - 0.5, color="0.5", ls=":")
ax.axhline(1 / task.SYMBOLS, color="0.5", ls=":")
ax.text(0, 1 / task.SYMBOLS - 0.06, "guessing")
ax.set(xlabel="position", ylabel="accuracy", ylim=(-0.02, 1.35))
ax.legend(loc="upper right", ncol=2, fontsize=9)
fig.set_label(
    "Accuracy over position, three lines for each training. Trained at 0 to 31, heads "
    f"fall after 31 to a mean of {measured['beyond']:.2f}; if their queries and keys "
    f"read positions only, to {measured['apart']:.2f}. Heads with random starts stay "
    f"near 1 and end at {measured['random_starts_last']:.2f}; the matrix set by hand "
    "stays at 1."
)
