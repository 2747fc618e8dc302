"""
With a learned sink the first position keeps its weight; with a gate it loses half
==================================================================================

For :doc:`/attention/stabilized_attention`: six models with a sink that is learned, and
six with an output gate. Weight on the first position, and the loss when a window of
four hides it.
"""

import matplotlib.pyplot as plt
import numpy as np
import torch

from snippets.attention.backcopy_task import D_MODEL, INPUTS, evaluate, train
from snippets.attention.self_attention import causal
from snippets.attention.sliding_window_attention import window_mask
from snippets.attention.stabilized_attention import StabilizedAttention

torch.manual_seed(0)
kinds = {"learned sink": {"sinks": 0.0, "learn_sinks": True}, "gate": {"gated": True}}
models, share, full, alone = {}, {}, {}, {}
for name, options in kinds.items():
    layers = [
        StabilizedAttention(d_model=D_MODEL, heads=1, **options) for _ in range(6)
    ]
    models[name] = train(layers, rate=0.05, batches=1000)
    seen = [evaluate(model, causal(INPUTS, INPUTS)) for model in models[name]]
    window = window_mask(INPUTS, INPUTS, window=4)
    hidden = [evaluate(model, window) for model in models[name]]
    share[name] = np.array([result.on_first for result in seen])
    full[name] = np.array([result.ordinary for result in seen])
    alone[name] = np.array([result.ordinary for result in hidden])
sinks = [model.layer.sinks.item() for model in models["learned sink"]]

assert max(np.abs(values).max() for values in full.values()) < 0.03
assert share["learned sink"].min() > 0.8
assert share["gate"].mean() < share["learned sink"].mean() - 0.2
assert alone["gate"].mean() < alone["learned sink"].mean() / 3
assert max(sinks) < -1

# %%
# Weight and harm
# ---------------
fig, ax = plt.subplots(figsize=(5.6, 3.8), layout="constrained")
for name, mark in zip(kinds, "os", strict=True):
    ax.plot(share[name], alone[name].clip(1e-3), mark, label=name)
ax.set(xlim=(0, 1.03), yscale="log", xlabel="weight on the first position")
ax.set_ylabel("excess loss with the window, nats")
ax.legend(fontsize=8)
fig.set_label(
    "Six models of each kind. "
    + " ".join(
        f"With a {name}, the first position has {share[name].min():.0%} to "
        f"{share[name].max():.0%} of the weight, and the window costs "
        f"{alone[name].min():.3f} to {alone[name].max():.3f} nats."
        for name in kinds
    )
)
measured = {"sink": max(sinks)}
for key, name in zip(("learned", "gate"), kinds, strict=True):
    measured[f"{key}_window"] = alone[name].mean()
    measured[f"{key}_weight"] = share[name].mean()
measured |= {"gate_least": share["gate"].min(), "gate_most": share["gate"].max()}
