"""
Mamba: what fillers do on longer sequences
==========================================

For :doc:`/attention/mamba`: three models that have learned selective copying with 16
slots fail on longer sequences, because the state decays at fillers and because fillers
add to it.
"""

import matplotlib.pyplot as plt
import numpy as np

from snippets.attention.mamba import MambaMixer
from snippets.attention.selective_copying_task import (
    SYMBOLS,
    accuracy_with_changed_fillers,
    train,
)

# %%
# Three models, changed at fillers in three ways
# ----------------------------------------------
# As they are; without decay at fillers; with nothing added at fillers; and with
# neither.

models = [train(MambaMixer, [240], seed=seed)[0] for seed in range(3)]
LENGTHS = [16, 32, 64, 128, 256]
changes = {
    "unchanged": (True, True),
    "no decay": (False, True),
    "nothing added": (True, False),
    "neither": (False, False),
}
reached = {
    name: np.array(
        [
            [accuracy_with_changed_fillers(m, n, decay=d, add=a) for n in LENGTHS]
            for m in models
        ]
    )
    for name, (d, a) in changes.items()
}
fig, ax = plt.subplots(figsize=(5.6, 3.4))
for color, (name, values) in enumerate(reached.items()):
    ax.plot(LENGTHS, values.T, ".", color=f"C{color}", alpha=0.5)
    ax.plot(LENGTHS, values.mean(axis=0), color=f"C{color}", label=name)
ax.axhline(1 / SYMBOLS, color="0.5", ls=":")
ax.set(xlabel="slots when tested (trained on 16)", ylabel="accuracy", xscale="log")
ax.set(ylim=(0, 1.04))
ax.set_xticks(LENGTHS, labels=LENGTHS)
ax.minorticks_off()
ax.legend(title="at fillers", loc=(0.02, 0.2))
at_256 = {name: values[:, -1] for name, values in reached.items()}
texts = [f"{name}, {v.min():.2f} to {v.max():.2f}" for name, v in at_256.items()]
fig.set_label("Accuracy of three models with 256 slots: " + "; ".join(texts))
assert at_256["unchanged"].max() < 0.5
assert at_256["neither"].min() > 0.9
assert max(at_256["no decay"].mean(), at_256["nothing added"].mean()) < 0.7
at_64 = {name: values[:, 2].mean() for name, values in reached.items()}
assert at_64["no decay"] > max(at_64["unchanged"], at_64["nothing added"]) + 0.08
measured = {f"{name.split()[0]}_256": values.mean() for name, values in at_256.items()}
names = ("unchanged", "no decay", "nothing added")
measured |= {f"{name.split()[0]}_64": at_64[name] for name in names}
