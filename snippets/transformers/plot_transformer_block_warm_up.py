"""
Training with and without warm-up, in both orders
=================================================

A figure of :doc:`/transformers/transformer_block`. Six blocks learn to predict the next
of five symbols, with Adam at a learning rate of 0.01 that is either reached at once or
over 40 steps. Three seeds.
"""

import math

import matplotlib.pyplot as plt
import torch

from snippets.positions.symbol_language import SYMBOLS, next_symbol
from snippets.transformers.deep_stack import stack, train
from snippets.transformers.transformer_block import GPT2Block, PostNormBlock

torch.manual_seed(0)
STEPS, SEEDS, WARM_UP, LAST = 100, 3, 40, 10

truth = next_symbol()
guess = math.log(SYMBOLS) + (truth * truth.log()).sum(-1).mean().item()

curves = {}
for name, kind in {"pre-norm": GPT2Block, "post-norm": PostNormBlock}.items():
    models = [stack(kind, layers=6) for _ in range(SEEDS)]
    warm_up = [1] * SEEDS + [WARM_UP] * SEEDS
    history = train(2 * models, STEPS, rate=1e-2, warm_up=warm_up)
    curves[name, "at once"], curves[name, "warm-up"] = history.split(SEEDS, dim=1)
ends = {key: curve[-LAST:].mean(0) for key, curve in curves.items()}

fig, axes = plt.subplots(1, 2, figsize=(6.4, 2.8), sharey=True, layout="constrained")
for ax, name in zip(axes, ("pre-norm", "post-norm"), strict=True):
    for schedule, color, style in (("at once", "C1", "-"), ("warm-up", "C0", "--")):
        # a running mean of five batches
        smooth = curves[name, schedule].unfold(0, 5, 1).mean(-1)
        lines = ax.plot(range(4, STEPS), smooth, color=color, linestyle=style)
        lines[0].set_label(f"full rate {schedule}" if "once" in schedule else schedule)
    ax.axhline(guess, color="0.5", linestyle=":", label="guessing")
    ax.set(title=name, xlabel="step")
axes[0].set(ylabel="excess loss (nats)", ylim=(0, None))
axes[0].legend()


def span(values):
    return f"{values.min():.2f} to {values.max():.2f}"


fig.set_label(
    "Two panels of loss curves, three seeds each. In pre-norm all curves fall, with "
    f"and without warm-up, to {span(ends['pre-norm', 'warm-up'])} and "
    f"{span(ends['pre-norm', 'at once'])} nats. In post-norm those with warm-up end at "
    f"{span(ends['post-norm', 'warm-up'])}; those without stay near guessing, at "
    f"{span(ends['post-norm', 'at once'])} of {guess:.2f} nats."
)

measured = {
    "guess": guess,
    "pre_at_once_high": ends["pre-norm", "at once"].max(),
    "pre_warm_up_high": ends["pre-norm", "warm-up"].max(),
    "post_at_once_low": ends["post-norm", "at once"].min(),
    "post_warm_up_high": ends["post-norm", "warm-up"].max(),
}
assert ends["post-norm", "at once"].min() > 0.5 * guess
assert ends["post-norm", "warm-up"].max() < 0.5 * guess
assert ends["pre-norm", "at once"].max() < 0.35 * guess
