"""
Mamba: the step sizes of trained mixers
=======================================

For :doc:`/attention/mamba`: three models that have learned selective copying take
larger steps near a symbol than at fillers.
"""

import matplotlib.pyplot as plt
import numpy as np
import torch
from torch.nn.functional import pad, silu

from snippets.attention.mamba import MambaMixer
from snippets.attention.selective_copying_task import (
    SLOTS,
    SYMBOLS,
    copying,
    filler_only,
    train,
)

models = [train(MambaMixer, [240], seed=seed)[0] for seed in range(3)]

# %%
# Mean step size over channels and sequences
# ------------------------------------------
# The mixer's own code up to ``select``, for 400 sequences. Slots from the fifth on,
# where all four tokens that the convolution sees exist.

tokens, _ = copying(400, SLOTS, torch.Generator().manual_seed(5))
symbol, fillers = tokens < SYMBOLS, filler_only(tokens)[:, 4:SLOTS]
places = ["symbol", "1 after", "2 after", "3 after", "only fillers"]
profiles = []
for model in models:
    mixer = model.mixer
    with torch.no_grad():
        x = mixer.in_proj(model.norm(model.embedding(tokens))).chunk(2, dim=-1)[0]
        x = silu(mixer.conv1d(pad(x.mT, (3, 0))).mT)
        dt = mixer.select(x)[0].mean(dim=-1)[:, 4:SLOTS]
    at = [symbol[:, 4 - distance : SLOTS - distance] for distance in range(4)]
    profiles.append([dt[where].mean() for where in [*at, fillers]])
profiles = np.array(profiles)
ratios = profiles[:, :4].max(axis=1) / profiles[:, 4]
assert np.all(profiles.argmin(axis=1) == 4)
assert ratios.min() > 1.3

fig, ax = plt.subplots(figsize=(6.2, 2.8))
for seed, profile in enumerate(profiles):
    ax.bar(np.arange(5) + (seed - 1) * 0.25, profile, 0.25, label=f"model {seed + 1}")
ax.set_xticks(range(5), labels=places)
ax.set(xlabel="position", ylabel="mean step size dt")
ax.legend()
fig.set_label(
    "Mean step size of three models at a symbol, one, two and three positions after "
    "it, and where the convolution sees only fillers. The last is the smallest for "
    f"each model; the largest of the others is {ratios.min():.1f} to "
    f"{ratios.max():.1f} times as large."
)
measured = {"step_ratio_low": ratios.min(), "step_ratio_high": ratios.max()}
