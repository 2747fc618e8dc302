"""
Mamba: a state that follows its input
=====================================

For :doc:`/attention/mamba`: the exact solution of a state space model between tokens,
and the shorter formula that Mamba uses for the input.
"""

import matplotlib.pyplot as plt
import torch

from snippets.attention.mamba import scan, zero_order_hold

# %%
# Six inputs, each held for its own step
# --------------------------------------

dt = torch.tensor([1.0, 0.4, 0.02, 0.02, 0.4, 1.5])
x = torch.tensor([1.0, -1.0, 0.6, -1.0, 1.0, -0.5])
A = torch.tensor(-1.0)
decay, gain = zero_order_hold(dt, A)


def states(factor: torch.Tensor) -> torch.Tensor:
    """States at the ends of the steps if ``factor`` multiplies the input."""
    shape = (1, len(dt), 1, 1)
    return scan(decay.view(shape), (factor * x).view(shape)).flatten()


exact, short = states(gain), states(dt)
error = (short - exact).abs()
assert (exact[3] - exact[1]).abs() < 0.05
assert (short[2:4] - short[1:3] - (exact[2:4] - exact[1:3])).abs().max() < 0.01

ends = dt.cumsum(0)
starts = [0, *ends[:-1].tolist()]
before = [0, *exact[:-1].tolist()]
fig, ax = plt.subplots(figsize=(6.2, 3))
for start, length, held, state in zip(starts, dt, x, before, strict=True):
    since = torch.linspace(0, length, 40)
    kept, taken = zero_order_hold(since, A)
    ax.plot(start + since, kept * state + taken * held, color="C0", lw=1.5)
ax.stairs(x, [0, *ends.tolist()], color="0.5", ls=":", baseline=None)
ax.plot(ends, exact, "o", color="C0", label="exact")
ax.plot(ends, short, "x", color="C1", ms=9, mew=2, label="Mamba's formula")
ax.annotate("two inputs,\nshort steps", (1.43, 0.4), (1.6, -0.8), ha="left",
            arrowprops={"arrowstyle": "->", "color": "0.5"})  # fmt: skip
ax.set(xlabel="time", ylabel="state (dotted: input)", ylim=(-1.15, 1.15))
ax.legend(loc="lower left")
fig.set_label(
    "A state moves toward each dotted input: far in long steps, by less than 0.05 in "
    "the two short ones together. Circles lie on the curve. The first cross, after a "
    f"long step, is {error[0]:.2f} above its circle."
)
measured = {"euler": error[0]}
