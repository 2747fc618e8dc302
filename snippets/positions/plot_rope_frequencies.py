"""
Five ways to slow the pairs down for longer texts
=================================================

A context four times as long: the factor on the frequency of each of 64 pairs, over the
turns that the pair makes within the 4096 positions of training. See
:doc:`/positions/rope`.
"""

import matplotlib.pyplot as plt
import torch

from snippets.positions.rope import (
    frequencies,
    ntk_base,
    ramp_by_turns,
    turns,
    yarn_frequencies,
)

TRAINED, FACTOR = 4096, 4.0
thetas = frequencies(128)
counts = turns(thetas, TRAINED)
settings = {"factor": FACTOR, "trained": TRAINED}
methods = {
    "position interpolation": (thetas / FACTOR, "C0-"),
    "NTK-aware": (frequencies(128, ntk_base(128, FACTOR)), "C2-"),
    "Llama 3.1": (ramp_by_turns(thetas, slow=1.0, fast=4.0, **settings), "C3.-"),
    "YaRN, formula": (ramp_by_turns(thetas, slow=1.0, fast=32.0, **settings), "C1--"),
    "YaRN, code": (yarn_frequencies(128, **settings), "C1.-"),
}

fig, ax = plt.subplots(figsize=(6.2, 4))
for name, (slowed, style) in methods.items():
    kept = slowed / thetas
    assert torch.isclose(kept[-1], torch.tensor(1 / FACTOR).double())
    assert name == "position interpolation" or torch.isclose(kept[0], kept[0] * 0 + 1)
    ax.semilogx(counts, kept, style, label=name)
for limit in (1, 4, 32):
    ax.axvline(limit, color="0.5", ls=":")
ticks = [0.1, 1, 4, 32, 650]
ax.set(xlabel="turns within the trained length", ylabel="factor on the frequency")
ax.set(ylim=(0, 1.1), xticks=ticks, xticklabels=map(str, ticks))
ax.minorticks_off()
ax.legend(loc="lower right", bbox_to_anchor=(1, 0.24), fontsize=10)
fig.set_label(
    "Factor on the frequency of each pair, over its turns in training, five lines. "
    "Position interpolation: 0.25 for all. NTK-aware: rises evenly from 0.25 to 1. The "
    "ramps of Llama 3.1 and YaRN begin at 1 turn; Llama 3.1 reaches 1 at 4 turns, YaRN "
    "at 32; between, the curve of its code lies above that of its formula."
)
measured = {"unfinished": int((counts < 1).sum())}
