"""
Mamba: selective copying with and without selection
===================================================

For :doc:`/attention/mamba`: three models with selection and three without learn to name
two symbols among fillers. Then they are tested on longer sequences.
"""

import matplotlib.pyplot as plt
import numpy as np

from snippets.attention.mamba import MambaMixer
from snippets.attention.selective_copying_task import (
    SYMBOLS,
    TimeInvariantMixer,
    accuracy,
    accuracy_when_stopped,
    train,
)

STEPS = range(0, 241, 24)
LENGTHS = [16, 32, 64, 128, 256]

# %%
# Three seeds of each kind
# ------------------------

fig, (ax, longer) = plt.subplots(2, figsize=(5.6, 6), sharey=True)
kinds = {"selective": MambaMixer, "time-invariant": TimeInvariantMixer}
final, stretched, stopped = {}, {}, []
for color, (name, mixer) in zip(["C0", "C1"], kinds.items(), strict=True):
    models, curves = zip(*(train(mixer, STEPS, seed=s) for s in range(3)), strict=True)
    if mixer is MambaMixer:
        stopped = [[accuracy_when_stopped(m, n) for n in LENGTHS] for m in models]
    reached = [[accuracy(m, n, batch=100) for n in LENGTHS] for m in models]
    final[name], stretched[name] = np.array(curves)[:, -1], np.array(reached)
    ax.plot(STEPS, np.array(curves).T, ".-", color=color)
    longer.plot(LENGTHS, np.array(reached).T, ".-", color=color)
    longer.plot([], ".-", color=color, label=name)
stopped = np.array(stopped)
longer.plot(LENGTHS, stopped.T, "C0--")
longer.plot([], "C0--", label="selective, dt = 0 at fillers")
guess = 1 / SYMBOLS
for level, text in ((guess, "guessing"), ((1 + guess) / 2, "order unknown")):
    ax.axhline(level, color="0.5", ls=":")
    ax.text(240, level + 0.01, text, ha="right", va="bottom", fontsize=8)
    longer.axhline(level, color="0.5", ls=":")
ax.set(xlabel="training step", ylabel="accuracy", ylim=(0, 1.04))
longer.set(xlabel="slots when tested (trained on 16)", ylabel="accuracy", xscale="log")
longer.set_xticks(LENGTHS, labels=LENGTHS)
longer.minorticks_off()
fig.legend(loc="outside lower center", ncols=3, fontsize=8)

right, wrong = final["selective"], final["time-invariant"]
at_256 = stretched["selective"][:, -1]
fig.set_label(
    f"Top: three selective models reach at least {right.min():.2f}; three others end "
    f"between {wrong.min():.2f} and {wrong.max():.2f}. Bottom: with 256 slots the "
    f"selective models have at most {at_256.max():.2f}, and at least "
    f"{stopped[:, -1].min():.2f} if dt is zero at fillers (dashed)."
)
assert right.min() > 0.95
assert wrong.max() < 0.82
assert at_256.max() < 0.5
assert stopped[:, -1].min() > 0.9
measured = {"selective": right.mean(), "invariant": wrong.mean()}
measured |= {"selective_256": at_256.mean(), "stopped_256": stopped[:, -1].mean()}
