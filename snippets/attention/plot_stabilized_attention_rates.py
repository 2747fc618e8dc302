"""
QK-norm lets a small transformer train at a higher learning rate
================================================================

For :doc:`/attention/stabilized_attention`: one block of a transformer learns to copy
after a trigger, at four learning rates. Left, loss on new texts; right, largest score.
"""

from functools import partial

import matplotlib.pyplot as plt
import numpy as np

from snippets.attention.backcopy_task import D_MODEL, INPUTS, evaluate, train
from snippets.attention.self_attention import causal
from snippets.attention.stabilized_attention import StabilizedAttention

RATES, SEEDS = (0.03, 0.1, 0.3, 1.0), range(3)
layer = partial(StabilizedAttention, d_model=D_MODEL, heads=2)
layers = {
    "neither": layer,
    "soft-capping": partial(layer, cap=50.0),
    "QK-norm": partial(layer, qk_norm=True),
}

# %%
# Three runs for each layer and rate
# ----------------------------------
full = causal(INPUTS, INPUTS)
excess, largest = {}, {}
for name, made in layers.items():
    runs = [
        [evaluate(train(made, rate=rate, seed=s, batches=130), full) for s in SEEDS]
        for rate in RATES
    ]
    excess[name] = np.array([[run.excess for run in row] for row in runs])
    largest[name] = np.array([[run.largest for run in row] for row in runs])

low, high, top = 1, 2, 3  # rates 0.1, 0.3, and 1
means = {name: values.mean(axis=1) for name, values in excess.items()}
assert excess["neither"][high].min() > 1.2 * excess["QK-norm"][high].max()
assert means["QK-norm"][high] + 0.1 < means["soft-capping"][high]
assert means["soft-capping"][high] + 0.1 < means["neither"][high]
assert abs(means["neither"][low] - means["QK-norm"][low]) < 0.15
assert min(values[top].min() for values in excess.values()) > 0.9
assert largest["neither"][high].min() > 5000

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
fig.set_label(
    "Two panels over four learning rates. Left, excess loss: at 0.1, the three layers "
    f"are between {min(m[low] for m in means.values()):.2f} and "
    f"{max(m[low] for m in means.values()):.2f}; at 0.3, the plain layer has "
    f"{means['neither'][high]:.2f}, soft-capping {means['soft-capping'][high]:.2f}, "
    f"QK-norm {means['QK-norm'][high]:.2f}; at 1, all are near "
    f"{means['neither'][top]:.1f}. Right, the largest score at 0.3: "
    f"{largest['neither'][high].mean():.0f}, {largest['soft-capping'][high].mean():.0f}"
    f" and {largest['QK-norm'][high].mean():.0f}."
)
measured = {
    "plain_01": means["neither"][low],
    "norm_01": means["QK-norm"][low],
    "plain_03": means["neither"][high],
    "cap_03": means["soft-capping"][high],
    "norm_03": means["QK-norm"][high],
    "norm_10": means["QK-norm"][top],
    "score_plain": largest["neither"][high].min(),
    "score_norm": largest["QK-norm"][high].max(),
}
