"""
With unbounded scores, subtracting helps only early in training
===============================================================

Accuracy of a multi-head layer, a differential layer, and the same layer with nothing or
a uniform map subtracted, at two learning rates
(:doc:`/attention/differential_attention`).
"""

import matplotlib.pyplot as plt
import numpy as np

from snippets.attention.item_task import LAYERS, train_layer

#: the best of 0.003, 0.01 and 0.03 for each layer, and one too small for 130 steps
RATES = {"best": 0.01, "small": 0.003}
MARKS = range(10, 131, 20)

accuracy, score = {}, {}
fig, axes = plt.subplots(1, 2, sharey=True, figsize=(6.4, 3.4))
for ax, (name, rate) in zip(axes, RATES.items(), strict=True):
    for color, kind in enumerate(LAYERS):
        runs = [train_layer(kind, rate, seed, MARKS) for seed in range(3)]
        curves = np.array([curve for curve, _ in runs])
        accuracy[name, kind] = curves[:, -1]
        score[name, kind] = np.array([largest for _, largest in runs])
        style = "--" if kind == "nothing subtracted" else "-"
        style = ":" if kind == "uniform subtracted" else style
        ax.plot(MARKS, curves.T, style, color=f"C{color}", lw=0.8, alpha=0.4)
        ax.plot(MARKS, curves.mean(axis=0), style, color=f"C{color}", lw=2, label=kind)
    ax.axhline(1 / 8, color="0.5", ls=":")
    ax.set(xlabel="training steps", ylim=(0, 1), title=f"learning rate {rate}")
axes[0].set(ylabel="accuracy")
axes[1].legend(loc="upper left", fontsize=9)

multi, difference, nothing, uniform = (accuracy["small", kind] for kind in LAYERS)
assert min(accuracy["best", kind].min() for kind in LAYERS) > 0.88
for subtracted in difference, uniform:
    assert (subtracted > np.maximum(multi, nothing) + 0.02).all()  # in every seed
assert abs(difference.mean() - uniform.mean()) < 0.03
multi, difference, nothing, _ = (score["small", kind] for kind in LAYERS)
assert max(difference.max(), nothing.max()) < multi.min()
ends = {key: f"{values.mean():.2f}" for key, values in accuracy.items()}
fig.set_label(
    "Accuracy over 130 training steps, three runs each. Learning rate 0.01: all layers "
    f"rise together, to {ends['best', 'multi-head']} (multi-head), "
    f"{ends['best', 'differential']} (differential), "
    f"{ends['best', 'nothing subtracted']} (nothing subtracted) and "
    f"{ends['best', 'uniform subtracted']} (uniform map subtracted). Learning rate "
    f"0.003: {ends['small', 'multi-head']}, {ends['small', 'differential']}, "
    f"{ends['small', 'nothing subtracted']} and {ends['small', 'uniform subtracted']}. "
    "A dotted line marks guessing, 0.125."
)

measured = {}
for (rate, kind), values in accuracy.items():
    measured[f"{rate}_{kind.split('-')[0].split()[0]}"] = values.mean()
for (rate, kind), values in score.items():
    if kind == "uniform subtracted":
        continue
    measured[f"score_{rate}_{kind.split('-')[0].split()[0]}"] = values.mean()
