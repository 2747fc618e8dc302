"""
With longer training, blocks gain more than a quarter more steps
================================================================

Test errors of networks with twelve feed-forward layers in blocks of four, relative to
those of the residual network with the same seed and task
(:doc:`/attention/attention_residuals`).
"""

import matplotlib.pyplot as plt
import numpy as np
import torch

from snippets.attention.depth_regression import examples, test, train

STEPS, SHORT = 448, 112

# %%
# Blocks, and the residual network with a quarter more steps
# ----------------------------------------------------------

ratios = {}
for steps in (SHORT, STEPS):
    base, _ = test("residual", train("residual", steps))
    block, _ = test("block", train("block", steps))
    longer, _ = test("residual", train("residual", steps * 5 // 4))
    ratios[f"{steps} steps: block"] = np.array(block / base).ravel()
    ratios[f"{steps} + {steps // 4} steps: residual"] = np.array(longer / base).ravel()
short_block, short_longer, block, longer = ratios.values()
assert block.mean() < longer.mean() - 0.01
assert block.max() < 1
assert short_longer.mean() < short_block.mean()

fig, ax = plt.subplots(figsize=(6.4, 2.6))
for row, (name, values) in enumerate(ratios.items()):
    color = "C1" if "block" in name else "C0"
    ax.plot(100 * (values - 1), np.full(9, row), "o", color=color, alpha=0.4, ms=8)
    ax.plot(100 * (values.mean() - 1), row, "|", color="0.5", ms=22)
ax.axvline(0, color="0.5", ls=":")
ax.set_yticks(range(4), labels=ratios)
ax.set(ylim=(3.5, -0.5))
ax.set_xlabel("test error, relative to the residual network (%)")
shown = "; ".join(f"{name} {100 * (v.mean() - 1):.1f} %" for name, v in ratios.items())
fig.set_label(
    "Nine points in each of four rows: the change of the test error relative to the "
    f"residual network after the same number of steps. Means: {shown}."
)
measured = {"gain_block": 1 - block.mean(), "gain_longer": 1 - longer.mean()}
measured |= {"short_block": 1 - short_block.mean()}
measured |= {"short_longer": 1 - short_longer.mean()}
measured["block_beats_longer"] = (block < longer).sum()
_, zero = examples(500, torch.Generator().manual_seed(2))
measured |= {"error": base.mean(), "zero": zero.square().mean()}
