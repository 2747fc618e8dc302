"""
Products without a calculator, and turns whose end is masked
============================================================

Two figures of :doc:`/training/tool_use_finetuning`: what three models learn without a
tool, digit by digit; and what they write after fine-tuning with a faulty mask.
"""

import matplotlib.pyplot as plt
import torch

from snippets.training import tool_answers as answers
from snippets.training import tool_runs as runs
from snippets.training.pretraining import IGNORED

STARTS = (3, 4, 5)  # with 0, 1, and 2, the settings were chosen
SEEDS, STEPS, FAULTY, RATE, HELD_OUT = len(STARTS), 600, 150, 0.014, 64

chat, tool = (runs.conversations(calls=calls) for calls in (False, True))
learn, held_out = runs.split(HELD_OUT)
models = [runs.chat_model(seed) for seed in STARTS]
losses = runs.train_abreast(models, chat.ids, [chat.labels] * SEEDS, learn, STEPS)
smooth = losses.unfold(0, 10, 1).mean(dim=-1)
prompts = answers.prompts([runs.QUESTIONS[i] for i in held_out])
expected = chat.ids[held_out, len(prompts[0]) :]
written = [answers.write(model, prompts) for model in models]
right = torch.tensor(written) == expected  # all answers have five tokens
whole, digits = right.all(dim=-1), right[..., :4].double().mean(dim=1)
columns = chat.ids[:, len(prompts[0]) :][:, :4].T
guess = [column.bincount().max() / len(column) for column in columns]  # one digit

fig = plt.figure(figsize=(6.8, 2.9), layout="constrained")
left, side = fig.subplots(1, 2)
for seed in range(SEEDS):
    left.plot(range(9, STEPS), smooth[:, seed], "C0" + ["-", "--", ":"][seed])
    side.plot(range(1, 5), digits[seed], "C0" + "ox^"[seed])
side.plot(range(1, 5), guess, color="0.5", linestyle=":")
left.set(xlabel="updates", ylabel="loss, nats per label", ylim=(0, None))
side.set(xlabel="digit of the product", ylabel="right, held-out", ylim=(-0.03, 1.03))
side.set_xticks(range(1, 5))
fig.set_label(
    f"Left: the losses of three models fall from {smooth[0].mean():.1f} to "
    f"{smooth[-1].mean():.2f} nats. Right: share of right digits, mean of three: "
    + ", ".join(f"{x:.0%} of digit {n}" for n, x in enumerate(digits.mean(dim=0), 1))
    + ". Dotted, always the most frequent digit: "
    + f"{', '.join(f'{x:.0%}' for x in guess)}."
)
share = whole.double().mean(dim=1)
measured = {"direct": share.mean(), "direct_high": share.max()}
measured |= {"first_digit": digits[:, 0].mean(), "middle": digits[:, 1:3].max()}
measured |= {"last_digit": digits[:, 3].mean(), "last_guess": guess[3]}
assert measured["direct_high"] < 0.2

# %% The end of a turn is masked
ends = tool.ids == runs.TOKENIZER.special["<|end|>"]
faulty = tool.labels.where(~ends, IGNORED)
kept = [runs.with_new_tokens(m, len(runs.ADDED)) for _ in range(2) for m in models]
tables = [tool.labels] * SEEDS + [faulty] * SEEDS
runs.train_abreast(kept, tool.ids, tables, learn, FAULTY, lr=RATE)
begun = tool.ids[held_out, :-5].tolist()  # up to the answer
stop = runs.TOKENIZER.special["<|end|>"]
texts = [answers.write(model, begun, stops=(stop,)) for model in kept]
stopped = [[text[-1] == stop for text in found] for found in texts]
shown = [runs.TOKENIZER.decode(begun[0] + found[0]) for found in texts]
share = torch.tensor(stopped).double().mean(dim=1).view(2, SEEDS)

fig, ax = plt.subplots(figsize=(6.4, 1.5), layout="constrained")
ax.set(xlim=(0, 1), ylim=(4, 0))
ax.axis("off")
names = {"end is a label": shown[0], "end is masked": shown[SEEDS]}
for row, (name, text) in enumerate(names.items()):
    last = "…" + text[text.rindex("<|tool|>") :]
    ax.text(0, 2 * row + 0.4, name, color=f"C{row}")
    ax.text(0, 2 * row + 1.2, last[:70], family="monospace", fontsize=9)
fig.set_label(
    "Two conversations from the tool's result on. "
    + " ".join(f"If the {n}: {t[t.rindex('<|tool|>') :]}." for n, t in names.items())
)
measured |= {"stopped": share[0].min(), "masked_stopped": share[1].max()}
assert measured["masked_stopped"] < 0.05 < 0.95 < measured["stopped"]
