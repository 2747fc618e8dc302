"""
Which texts end in a loop
=========================

A figure of :doc:`/language/sampling`. A model of counts continues 30 passages of
Python's help by 200 tokens. Left: how many end in a phrase, three times in a row.
Right: the mean log-probability of a token. Bars: range of three folds, dots: mean.
"""

import matplotlib.pyplot as plt
import numpy as np
import torch

from snippets.language.beam_search import beam_search
from snippets.language.generation import draw, ends_in_loop, generate
from snippets.language.help_prompts import held_out_prompts
from snippets.language.penalties import penalize_repetition
from snippets.language.sampling import (
    apply_temperature,
    keep_min_p,
    keep_top_k,
    keep_top_p,
)

STEPS, PROMPTS = 200, 10
generator = torch.Generator().manual_seed(0)
RULES = {
    "greedy": lambda z, _: z.argmax(-1),
    "greedy, penalty 1.2": lambda z, x: penalize_repetition(z, x, 1.2).argmax(-1),
    "temperature 0.7": lambda z, _: draw(apply_temperature(z, 0.7), generator),
    "min-p 0.1": lambda z, _: draw(keep_min_p(z, 0.1), generator),
    "top-p 0.95": lambda z, _: draw(keep_top_p(z, 0.95), generator),
    "top-k 40": lambda z, _: draw(keep_top_k(z, 40), generator),
    "pure sampling": lambda z, _: draw(z, generator),
}
names = ["beam, width 16", *RULES, "held-out help"]
(loops, likely), expected = np.zeros((2, 3, len(names))), np.zeros(3)
for seed, fold in enumerate((0, 2, 4)):
    _, model, prompts, rest = held_out_prompts(fold, PROMPTS, continued=STEPS)
    length = prompts.shape[1]
    beams = [beam_search(model, prompt, STEPS, 16).tokens for prompt in prompts]
    texts = [torch.tensor(beams)]
    texts += [generate(model, prompts, STEPS, rule) for rule in RULES.values()]
    texts += [torch.cat([prompts, rest], dim=1)]
    for row, text in enumerate(texts):
        loops[seed, row] = np.mean([ends_in_loop(t) for t in text[:, length:].tolist()])
        before = text[:, length - 3 : -1].unfold(1, 3, 1)  # what the model sees
        step = model(before.flatten(0, 1))
        likely[seed, row] = step.gather(1, text[:, length:].reshape(-1, 1)).mean()
    expected[seed] = (step.exp() * step).sum(-1).mean()  # of a draw, in the real text

fig, axes = plt.subplots(1, 2, figsize=(7.2, 3.2), sharey=True, layout="constrained")
for ax, values in zip(axes, (100 * loops, likely), strict=True):
    mean, low, high = (f(values, axis=0) for f in (np.mean, np.min, np.max))
    ax.errorbar(mean, range(len(names)), xerr=(mean - low, high - mean), fmt="o")
axes[0].set_yticks(range(len(names)), names)
axes[0].invert_yaxis()
axes[0].set(xlabel="continuations that end in a loop, %", xlim=(-4, 104))
axes[1].set(xlabel="log-probability of a token, nats")
logs, rate = likely.mean(0), dict(zip(names, loops.mean(0), strict=True))
fig.set_label(
    "Two dot plots. Continuations in a loop, and log-probability of a token: "
    + "; ".join(f"{n} {rate[n]:.0%}, {v:.2f}" for n, v in zip(names, logs, strict=True))
    + "."
)

measured = {
    "beam": rate["beam, width 16"],
    "greedy": rate["greedy"],
    "penalty": rate["greedy, penalty 1.2"],
    "top_p": rate["top-p 0.95"],
    "pure": rate["pure sampling"],
    "help": rate["held-out help"],
    "beam_log": logs[0],
    "help_log": logs[-1],
    "expected_log": expected.mean(),
    "uniform_log": -np.log(model.vocab),
}
assert (loops[:, :2].min(1) > loops[:, 3:].max(1)).all()
assert (expected > likely[:, -1] + 0.5).all()
