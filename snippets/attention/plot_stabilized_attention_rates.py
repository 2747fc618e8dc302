"""
QK-norm lets a small transformer train at a higher learning rate
================================================================

For :doc:`/attention/stabilized_attention`: one block of a transformer learns to copy
after a trigger, at four learning rates. Left, loss on new texts; right, largest score.
"""

import math

import matplotlib.pyplot as plt
import numpy as np
import torch

from snippets.attention import backcopy_task as task
from snippets.attention.backcopy_task import D_MODEL, INPUTS
from snippets.attention.self_attention import causal
from snippets.attention.stabilized_attention import StabilizedAttention

torch.manual_seed(0)
RATES, RUNS = (0.03, 0.1, 0.3, 1.0), 3
layers = {"neither": {}, "soft-capping": {"cap": 50.0}, "QK-norm": {"qk_norm": True}}

# Three runs for each layer and rate, side by side
rates = torch.tensor(RATES).repeat_interleave(RUNS)
excess, largest, visible = {}, {}, causal(INPUTS, INPUTS)
for name, options in layers.items():
    made = [StabilizedAttention(d_model=D_MODEL, heads=2, **options) for _ in rates]
    models = task.train(made, rate=rates, batches=400)
    results = [task.evaluate(model, visible) for model in models]
    excess[name] = np.reshape([run.excess for run in results], (len(RATES), RUNS))
    largest[name] = np.reshape([run.largest for run in results], (len(RATES), RUNS))

low, high, top = 1, 2, 3  # rates 0.1, 0.3, and 1
means = {name: values.mean(axis=1) for name, values in excess.items()}
assert max(values[:high].max() for values in excess.values()) < 0.1
assert excess["neither"][high].min() > 2 * excess["QK-norm"][high].max()
assert means["QK-norm"][high] < means["soft-capping"][high] < means["neither"][high]
assert min(values[top].min() for values in excess.values()) > 0.3
assert largest["neither"][high].min() > 500

fig, axes = plt.subplots(1, 2, figsize=(6.4, 3.2), layout="constrained")
for color, (name, mark) in enumerate(zip(layers, "osv", strict=True)):
    for ax, values in zip(axes, (excess[name], largest[name]), strict=True):
        ax.plot(RATES, values, mark, color=f"C{color}", alpha=0.5, ms=4)
        ax.plot(RATES, values.mean(axis=1), color=f"C{color}", label=name)
for ax, title in zip(axes, ("excess loss, nats", "largest score"), strict=True):
    ax.set(xscale="log", xlabel="learning rate")
    ax.set_xticks(RATES, labels=[str(rate) for rate in RATES])
    ax.minorticks_off()
    ax.set_title(title, loc="left", fontsize=10)
axes[0].set(ylim=(0, None))
axes[1].set(yscale="log")
axes[0].legend(fontsize=8)
low_of, high_of, top_of = (
    ", ".join(f"{name} {means[name][place]:.2f}" for name in layers)
    for place in (low, high, top)
)
scores = ", ".join(f"{name} {largest[name][high].mean():.0f}" for name in layers)
fig.set_label(
    f"Two panels over four learning rates. Left, mean excess loss. At 0.1: {low_of}. "
    f"At 0.3: {high_of}. At 1: {top_of}. Right, the largest score; at 0.3: {scores}."
)
text = task.texts(2000, torch.Generator().manual_seed(9))[:, 8:-1]
entropy = torch.special.entr(task.TABLE).sum(dim=-1)
rows = entropy[text].masked_fill(text < task.TRIGGERS, 0)
measured = {
    "guess": math.log(task.SYMBOLS) - rows.mean(),
    "plain_01": means["neither"][low],
    "norm_01": means["QK-norm"][low],
    "plain_03": means["neither"][high],
    "cap_03": means["soft-capping"][high],
    "norm_03": means["QK-norm"][high],
    "norm_10": means["QK-norm"][top],
    "score_plain": largest["neither"][high].min(),
    "score_plain_most": largest["neither"][high].max(),
    "score_norm": largest["QK-norm"][high].max(),
}
