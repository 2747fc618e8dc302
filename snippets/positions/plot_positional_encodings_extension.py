"""
A RoPE model extended to four times its length
==============================================

Models trained at 208 tokens read 832: as they are, with interpolated positions, and
with YaRN; at once and after ten steps. See :doc:`/positions/positional_encodings`.
"""

import matplotlib.pyplot as plt
import torch

from snippets.positions.positional_encodings import Reader, Rotary
from snippets.positions.rope import ramp_by_turns, turns, yarn_frequencies, yarn_scale
from snippets.positions.symbol_language import evaluate, texts, train, train_in_stages

# sphinx_gallery_time_limit = 600
torch.manual_seed(0)
TRAINED, LONG, FACTOR, SEEDS = 208, 832, 4.0, 3

# %%
# Short texts first, which is cheap, then texts of 208 tokens.

sizes = {"tokens": 10, "outputs": 10, "d_model": 32, "heads": 2}
models = [Reader(Rotary(head_dim=16), **sizes) for _ in range(SEEDS)]
plain = models[0].scheme.frequencies
assert (turns(plain, TRAINED) > torch.tensor([[32.0], [1.0]])).sum(1).tolist() == [1, 4]
models = train_in_stages(models, [(280, 24, 16, 2e-2), (270, 1, TRAINED, 5e-3)])

# %%
# Frequencies, stretch and scale; the last setting is YaRN with the ramp of the paper.
# Texts are read one at a time, as attention to 832 keys needs much memory.

by_turns = ramp_by_turns(plain, factor=FACTOR, trained=TRAINED, slow=1.0, fast=32.0)
by_index = yarn_frequencies(16, factor=FACTOR, trained=TRAINED)
settings = {
    "plain": (plain, 1.0, 1.0),
    "interpolated": (plain, FACTOR, 1.0),
    "yarn": (by_index, 1.0, yarn_scale(FACTOR)),
    "yarn_paper": (by_turns, 1.0, yarn_scale(FACTOR)),
}
held_out = texts(4, LONG + 1, seed=2)
long = texts(10 * SEEDS, LONG + 1, seed=3).unflatten(0, (10, SEEDS, 1))
curves = {}
for name, setting in settings.items():
    for rope in (model.scheme for model in models):
        rope.frequencies, rope.stretch, rope.scale = setting
    curves[name] = evaluate(models, held_out, at_once=1).symbol
    if name != "yarn_paper":
        tuned, _ = train(models, long, rate=5e-3)
        curves[f"{name}_tuned"] = evaluate(tuned, held_out, at_once=1).symbol
last = {name: curve[:, 3 * TRAINED - 2 :].mean(1) for name, curve in curves.items()}
measured = {f"{name}_beyond": loss.mean() for name, loss in last.items()}
for name in ("plain", "interpolated", "yarn"):
    measured[f"{name}_inside"] = curves[name][:, 2 : TRAINED - 2].mean()
assert measured["interpolated_inside"] > measured["plain_inside"] + 0.2
assert last["plain"].mean() > measured["plain_inside"] + 0.25
others = last["plain"].mean(), last["interpolated"].mean()
assert last["yarn"].mean() < min(others) - 0.1
assert last["interpolated_tuned"].mean() > last["plain_tuned"].mean() - 0.1
assert last["yarn_tuned"].max() < last["interpolated_tuned"].min()

labels = {"plain": "RoPE as it is", "interpolated": "interpolated", "yarn": "YaRN"}
fig, ax = plt.subplots()
for color, name in enumerate(labels):
    for suffix, style in (("", "-"), ("_tuned", "--")):
        line = curves[name + suffix].mean(0).unfold(0, 64, 16).mean(-1)
        at = 3 + 32 + 16 * torch.arange(len(line))
        label = labels[name] + suffix.replace("_tuned", ", 10 steps")
        ax.plot(at, line, style, color=f"C{color}", label=label)
ax.axvline(TRAINED, color="0.5", ls=":")
ax.set(xlabel="position", ylabel="loss, next symbol (nats)", ylim=(0, None))
ax.legend(ncol=3, fontsize=8, loc="lower left", bbox_to_anchor=(-0.1, 1))
ends = {name: f"{measured[name + '_beyond']:.2f}" for name in last}
fig.set_label(
    "Loss over positions to 832, mean of three seeds, for models trained at 208. After "
    "position 624, at once and after ten steps, in nats: RoPE as it is {plain} and "
    "{plain_tuned}, interpolated {interpolated} and {interpolated_tuned}, YaRN {yarn} "
    "and {yarn_tuned}.".format(**ends)
)
