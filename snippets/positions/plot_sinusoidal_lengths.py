"""
A head looks three tokens back, but not beyond the positions of its training
============================================================================

Heads with sinusoidal positions learn from texts of 32 tokens to name the symbol three
tokens before, and read texts of 128. See :doc:`/positions/sinusoidal`.
"""

import matplotlib.pyplot as plt
import torch
from torch.nn.functional import one_hot

from snippets.positions import looking_back as task
from snippets.positions.sinusoidal import shift_matrix, sinusoidal

SEEN, LONG, D_MODEL, STEPS = 32, 128, 64, 300


def fixed(positions):
    return sinusoidal(positions, D_MODEL)


def by_hand(symbols):
    x = fixed(torch.arange(symbols.shape[1]))
    query = 100 * x @ shift_matrix(-task.BACK, D_MODEL).float().mT
    return task.attention(query, x, one_hot(symbols, task.SYMBOLS).float())


def runs(last_start: int) -> list[task.Head]:
    """Three heads, trained on texts that begin at a random position."""
    heads = []
    for seed in range(3):
        torch.manual_seed(seed)
        heads.append(task.Head(fixed, d_model=D_MODEL))
        task.train(heads[-1], seq=SEEN, steps=STEPS, last_start=last_start)
    return heads


first, random_starts = runs(0), runs(LONG - SEEN)
test = torch.randint(task.SYMBOLS, (200, LONG))
curves = {
    "trained at 0 to 31": torch.stack([task.accuracy(head, test) for head in first]),
    "random starts": torch.stack([task.accuracy(head, test) for head in random_starts]),
    "matrix set by hand": task.accuracy(by_hand, test)[None],
}
inside, beyond = slice(SEEN - task.BACK), slice(SEEN - task.BACK, None)
trained, shifted, exact = curves.values()
assert trained[:, inside].min() > 0.95
assert trained[:, beyond].mean(1).max() < 0.6
assert shifted[:, beyond].mean(1).min() > 0.95
assert exact.min() == 1
measured = {
    "beyond": trained[:, beyond].mean(),
    "random_starts": shifted[:, beyond].mean(),
    "by_hand": exact[:, beyond].mean(),
    "random_starts_last": shifted[:, -1].mean(),
}

fig, ax = plt.subplots()
for color, (name, lines) in enumerate(curves.items()):
    for seed, line in enumerate(lines):
        style = {"lw": 5, "alpha": 0.4} if len(lines) == 1 else {"lw": 1.2}
        label = None if seed else name
        ax.plot(range(task.BACK, LONG), line, color=f"C{color}", label=label, **style)
ax.axvline(SEEN - 0.5, color="0.5", ls=":")
ax.axhline(1 / task.SYMBOLS, color="0.5", ls=":")
ax.text(0, 1 / task.SYMBOLS + 0.02, "guessing")
ax.set(xlabel="position", ylabel="accuracy", ylim=(0, 1.25))
ax.legend(loc="upper right", ncol=3, fontsize=9)
fig.set_label(
    "Accuracy over position. The three heads that were trained at positions 0 to 31 "
    "are right up to 31 and fall within a few positions, to a mean of "
    f"{measured['beyond']:.2f} beyond. The heads trained at random starts stay near 1 "
    f"and end at {measured['random_starts_last']:.2f}; the matrix set by hand stays at "
    "1."
)
