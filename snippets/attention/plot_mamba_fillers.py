"""
Mamba: what fillers do to the state of trained models
=====================================================

Two figures of :doc:`/attention/mamba`: three models that have learned selective copying
with 16 slots take larger steps near a symbol than at fillers; and they fail on longer
sequences, because the state decays at fillers and because fillers add to it.
"""

import matplotlib.pyplot as plt
import numpy as np
import torch

from snippets.attention import selective_copying_task as task
from snippets.attention.mamba import MambaMixer

models = [task.train(MambaMixer, [240], seed=seed)[0] for seed in range(3)]

# %% Mean step sizes over channels and 400 sequences
tokens, _ = task.copying(400, task.SLOTS, torch.Generator().manual_seed(5))
profiles = np.array([task.step_sizes(model, tokens) for model in models])
ratios = profiles[:, :4].max(axis=1) / profiles[:, 4]
assert np.all(profiles.argmin(axis=1) == 4)
assert ratios.min() > 1.3

fig, ax = plt.subplots(figsize=(6.2, 2.8))
for seed, profile in enumerate(profiles):
    ax.bar(np.arange(5) + (seed - 1) * 0.25, profile, 0.25, label=f"model {seed + 1}")
places = ["symbol", "1 after", "2 after", "3 after", "only fillers"]
ax.set_xticks(range(5), labels=places)
ax.set(xlabel="position", ylabel="mean step size dt")
ax.legend()
fig.set_label(
    "Mean step size of three models at a symbol, one, two and three positions after "
    "it, and where the convolution sees only fillers. The last is the smallest for "
    f"each model; the largest of the others is {ratios.min():.1f} to "
    f"{ratios.max():.1f} times as large."
)

# %% Longer sequences; at fillers, without decay, with nothing added, or neither
LENGTHS = [16, 32, 64, 128, 256]
changes = {
    "unchanged": dict(decay=True, add=True),
    "no decay": dict(decay=False, add=True),
    "nothing added": dict(decay=True, add=False),
    "neither": dict(decay=False, add=False),
}
fig, ax = plt.subplots(figsize=(5.6, 3.4))
reached = {}
for color, (name, change) in enumerate(changes.items()):
    test = task.accuracy_with_changed_fillers
    values = np.array([[test(m, n, **change) for n in LENGTHS] for m in models])
    ax.plot(LENGTHS, values.T, ".", color=f"C{color}", alpha=0.5)
    ax.plot(LENGTHS, values.mean(axis=0), color=f"C{color}", label=name)
    reached[name] = values
ax.axhline(1 / task.SYMBOLS, color="0.5", ls=":")
ax.set(xlabel="slots when tested (trained on 16)", ylabel="accuracy", xscale="log")
ax.set(ylim=(0, 1.04))
ax.set_xticks(LENGTHS, labels=LENGTHS)
ax.minorticks_off()
ax.legend(title="at fillers", loc=(0.02, 0.2))
at_64 = {name: values[:, 2].mean() for name, values in reached.items()}
at_256 = {name: values[:, -1] for name, values in reached.items()}
texts = [f"{name}, {v.min():.2f} to {v.max():.2f}" for name, v in at_256.items()]
fig.set_label("Accuracy of three models with 256 slots: " + "; ".join(texts))
assert at_256["unchanged"].max() < 0.5
assert at_256["neither"].min() > 0.9
assert max(at_256["no decay"].mean(), at_256["nothing added"].mean()) < 0.7
assert at_64["no decay"] > max(at_64["unchanged"], at_64["nothing added"]) + 0.08
measured = {f"{name.split()[0]}_256": values.mean() for name, values in at_256.items()}
measured |= {f"{n.split()[0]}_64": at_64[n] for n in [*changes][:3]}
measured |= {"step_ratio_low": ratios.min(), "step_ratio_high": ratios.max()}
