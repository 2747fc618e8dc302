"""
A GPT learns from Python's help
===============================

Two figures of :doc:`/training/pretraining`: loss, gradient norm and learning rate of
one run; and what the model writes at four checkpoints.
"""

import math

import matplotlib.pyplot as plt
import torch

from snippets.training import help_tokens as task
from snippets.training.adamw import AdamW, decay_groups
from snippets.training.pretraining import draw_texts, train
from snippets.transformers.gpt import GPT, next_token_loss
from snippets.transformers.gpt_training import windows

VOCAB, SEQ, WIDTH, BATCH, STEPS, SAMPLED = 512, 32, 64, 16, 800, [0, 80, 320, 800]

torch.manual_seed(0)
tokenizer, learned, rest = task.help_tokens(VOCAB)
cut = windows(rest, SEQ)[::4]
sizes = {"vocab": VOCAB, "n_positions": SEQ, "d_model": WIDTH}
gpt = GPT(**sizes, layers=1, heads=2, std=0.5 * WIDTH**-0.5)
optimizer = AdamW(decay_groups(gpt, 0.1), betas=(0.9, 0.99))
random = torch.Generator().manual_seed(0)


losses, texts, records = {}, {}, []


@torch.no_grad()
def look(done):
    """Note the held-out loss, and at some checkpoints a text."""
    losses[done] = next_token_loss(gpt(cut), cut).item()
    if done in SAMPLED:
        options = {"temperature": 0.7, "seed": 2}
        texts[done] = task.continuation(gpt, tokenizer, "The ", 60, **options)[:112]


look(0)
for record in train(
    gpt,
    optimizer,
    lambda: draw_texts(learned, BATCH, SEQ, random),
    lr=0.01,
    warmup_steps=STEPS // 10,
    total_steps=STEPS,
):
    records.append(record)
    if record.step % (STEPS // 20) == 0:
        look(record.step)
grams = [task.n_gram_loss(learned, rest, n, VOCAB, length=SEQ, step=4) for n in (2, 3)]

end = losses[STEPS]
fig, axes = plt.subplots(
    3, 1, figsize=(6.4, 5), sharex=True, layout="constrained", height_ratios=[3, 1, 1]
)
steps = range(1, STEPS + 1)
axes[0].plot(steps, [record.loss for record in records], "C0", alpha=0.6)
axes[0].plot(losses.keys(), losses.values(), "C1-o", markersize=3)
axes[0].legend(["logged", "held-out"])
for name, level in zip(("bigram", "trigram"), grams, strict=True):
    axes[0].axhline(level, color="0.5", linestyle="--")
    axes[0].text(0, level, name, va="bottom")
axes[0].set(ylabel="loss,\nnats per token")
axes[1].plot(steps, [record.norm for record in records])
axes[1].axhline(1, color="0.5", linestyle="--")
axes[1].set(ylabel="gradient\nnorm", ylim=(0, None))
axes[2].plot(steps, [record.lr for record in records])
axes[2].set(ylabel="learning\nrate", xlabel="updates")
fig.set_label(
    f"Held-out loss falls from {losses[0]:.2f} to {end:.2f} nats per token. The "
    f"bigram has {grams[0]:.2f}, the trigram {grams[1]:.2f}. The gradient norm is at "
    f"most {max(r.norm for r in records):.1f}. The learning rate rises for "
    f"{STEPS // 10} updates, then falls to zero along half a cosine."
)
per_token = task.bytes_of(tokenizer, cut[:, 1:]) / cut[:, 1:].numel()
size, read = sum(p.numel() for p in gpt.parameters()), STEPS * BATCH * SEQ
measured = {
    "loss": end,
    "loss_start": losses[0],
    "guess_tokens": math.log(VOCAB),
}
measured |= {"bigram": grams[0], "trigram": grams[1], "bytes_per_token": per_token}
measured |= {"per_byte": end / per_token, "thousands": size / 1000}
measured |= {
    "passes": read / len(learned),
    "still_falling": losses[STEPS * 4 // 5] - end,
}
measured["clipped"] = sum(record.norm > 1 for record in records) / STEPS
measured["gigaflops"] = 6 * size * read / 1e9
assert grams[1] < end < grams[0] - 0.2

# %% What the model writes
fig, ax = plt.subplots(figsize=(5.8, 3.2), layout="constrained")
ax.set(xlim=(0, 1), ylim=(len(SAMPLED), 0))
ax.axis("off")
for row, (done, text) in enumerate(texts.items()):
    title = f"after {done} updates: loss {losses[done]:.2f}"
    ax.text(0, row, title, color="C0", va="top")
    ax.text(0, row + 0.22, f"{text[:56]}\n{text[56:]}", family="monospace", va="top")
fig.set_label(
    "Four continuations of “The ”. "
    + " ".join(f"After {done} updates: “{text[:58]}”." for done, text in texts.items())
)
