"""
A GPT learns from Python's help
===============================

Two figures of :doc:`/training/pretraining`: loss, gradient norm and learning rate of
one run; and what the model writes at four checkpoints.
"""

from functools import partial
from math import log

import matplotlib.pyplot as plt
import torch

from snippets.training import help_tokens as task
from snippets.training.adamw import AdamW, decay_groups
from snippets.training.pretraining import draw_texts, train
from snippets.transformers.gpt import GPT
from snippets.transformers.gpt_training import n_gram_loss, windows

VOCAB, SEQ, BATCH, STEPS, SAMPLED = 512, 32, 16, 800, [0, 80, 320, 800]

torch.manual_seed(0)
tokenizer, learned, rest = task.help_tokens(VOCAB)
cut = windows(rest, SEQ)[::4]
gpt = GPT(vocab=VOCAB, n_positions=SEQ, d_model=64, layers=1, heads=2, std=1 / 16)
optimizer = AdamW(decay_groups(gpt, 0.1), betas=(0.9, 0.99))
plan = {"lr": 0.01, "warmup_steps": STEPS // 10, "total_steps": STEPS}
draw = partial(draw_texts, learned, BATCH, SEQ, torch.Generator().manual_seed(0))
updates = train(gpt, optimizer, draw, **plan)
losses, texts, records = {}, {}, []
sample = partial(task.continuation, gpt, tokenizer, "The ", 60, temperature=0.7, seed=2)
for done in range(STEPS + 1):
    records += [next(updates)] if done else []
    if done % (STEPS // 20) == 0:
        losses[done] = task.held_out_loss(gpt, cut)
    if done in SAMPLED:
        texts[done] = sample()[:112]
grams = [n_gram_loss(learned, rest, n, VOCAB, length=SEQ, step=4) for n in (2, 3)]
steps, logged, norms, rates = zip(*records, strict=True)

fig = plt.figure(figsize=(6.4, 5.2), layout="constrained")
axes = fig.subplots(3, sharex=True, height_ratios=[3, 1, 1])
axes[0].plot(steps, logged, "C0", alpha=0.6, label="logged")
axes[0].plot(losses.keys(), losses.values(), "C1-o", markersize=3, label="held-out")
axes[0].legend()
for name, level in zip(("bigram", "trigram"), grams, strict=True):
    axes[0].axhline(level, color="0.5", linestyle="--")
    axes[0].text(0, level, name, va="bottom")
axes[0].set(ylabel="loss,\nnats per token")
axes[1].plot(steps, norms)
axes[1].axhline(1, color="0.5", linestyle="--")
axes[1].set(ylabel="gradient\nnorm", ylim=(0, None))
axes[2].plot(steps, rates)
axes[2].set(ylabel="learning\nrate", xlabel="updates")
end = losses[STEPS]
fig.set_label(
    f"Held-out loss falls from {losses[0]:.2f} to {end:.2f} nats per token. The "
    f"bigram has {grams[0]:.2f}, the trigram {grams[1]:.2f}. The gradient norm is at "
    f"most {max(norms):.1f}. The learning rate rises for {STEPS // 10} updates, then "
    "falls to zero along half a cosine."
)
measured = {"loss_start": losses[0], "still_falling": losses[STEPS * 4 // 5] - end}
measured |= {"loss": end, "thousands": sum(p.numel() for p in gpt.parameters()) / 1000}
measured["guess_tokens"] = log(VOCAB)
per_token = task.bytes_of(tokenizer, cut[:, 1:]) / cut[:, 1:].numel()
measured |= {"bytes_per_token": per_token, "per_byte": end / per_token}
assert grams[1] < end < grams[0] - 0.2

# %% What the model writes
fig, ax = plt.subplots(figsize=(6.4, 3.9), layout="constrained")
ax.set(ylim=(len(SAMPLED), 0))
ax.axis("off")
for row, (done, text) in enumerate(texts.items()):
    ax.text(0, row + 0.2, f"after {done} updates: loss {losses[done]:.2f}", color="C0")
    ax.text(0, row + 0.3, f"{text[:56]}\n{text[56:]}", family="monospace", va="top")
shown = (f"After {done} updates: “{text[:58]}”." for done, text in texts.items())
fig.set_label(f"Four continuations of “The ”. {' '.join(shown)}")
