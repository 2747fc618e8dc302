"""
Multi-head attention: too few heads, and too many
=================================================

For :doc:`/attention/multi_head_attention`: the same width divided into 1 to 32 heads.
After short training, one head and 32 heads score lowest. Longer training helps 32
heads, and a hidden layer after the attention helps one head.
"""

import matplotlib.pyplot as plt
import numpy as np
import torch

from snippets.attention.earlier_symbols_task import D_MODEL, NamingModel, train

# %%
# Three seeds for each number of heads
# ------------------------------------
# The learning rate 0.04 is the best of 0.01, 0.02, 0.04 and 0.06 for 32 heads after 50
# batches; the model with a hidden layer learns better with 0.01.

SHORT, LONG = 50, 120
counts = [1, 2, 4, 8, 16, 32]
runs = {(heads, SHORT): [] for heads in counts} | {(1, LONG): [], (32, LONG): []}
hidden = []
for seed in range(3):
    for heads in counts:
        marks = [batches for count, batches in runs if count == heads]
        torch.manual_seed(seed)
        reached = train(NamingModel(heads), marks, rate=4e-2)
        for batches, right in zip(marks, reached, strict=True):
            runs[heads, batches].append(right)
    torch.manual_seed(seed)
    hidden += train(NamingModel(1, hidden=64), [LONG], rate=1e-2)

short = np.array([np.mean(runs[heads, SHORT]) for heads in counts])
late_1, late_32 = (np.mean(runs[heads, LONG]) for heads in (1, 32))
assert short[0] < 0.3
assert short[1:4].min() > 0.95
assert short[5] < 0.85
assert late_32 > 0.9
assert late_1 < 0.3
assert np.mean(hidden) > 0.85

fig, ax = plt.subplots()
ax.plot(counts, short, "o-", label=f"{SHORT} batches")
ax.plot([1, 32], [late_1, late_32], "s", ms=8, label=f"{LONG} batches")
for (heads, batches), scores in runs.items():
    color = "C0" if batches == SHORT else "C1"
    ax.plot([heads] * 3, scores, ".", color=color, alpha=0.5)
label = f"{LONG} batches, hidden layer"
ax.plot(1, np.mean(hidden), "^", color="C2", ms=8, label=label)
ax.set_xscale("log", base=2)
ax.set_xticks(counts, labels=[f"{n}\n{D_MODEL // n}" for n in counts])
ax.minorticks_off()
ax.set(xlabel="heads, and features of each", ylabel="both answers right")
ax.set(ylim=(0, 1.05))
ax.legend(loc="lower center")
fig.set_label(
    f"Accuracy over the number of heads. After {SHORT} batches one head has "
    f"{short[0]:.2f}, two to eight at least {short[1:4].min():.2f}, 32 heads "
    f"{short[5]:.2f}. After {LONG} batches 32 heads have {late_32:.2f} and one head "
    f"{late_1:.2f}; with a hidden layer, one head has {np.mean(hidden):.2f}."
)
measured = {
    "early_1": short[0],
    "early_best": short.max(),
    "early_32": short[5],
    "early_32_worst": min(runs[32, SHORT]),
    "early_32_best": max(runs[32, SHORT]),
    "late_1": late_1,
    "late_32": late_32,
    "hidden": np.mean(hidden),
}
