"""
A run that is resumed from a checkpoint, whole and in parts
===========================================================

A figure of :doc:`/training/pretraining`: how far the losses of a resumed run are from
those of the run that was never interrupted.
"""

import matplotlib.pyplot as plt
import torch

from snippets.training.adamw import AdamW
from snippets.training.markov_source import VOCAB, draw_source, next_tokens
from snippets.training.pretraining import checkpoint, resume, train
from snippets.transformers.gpt import GPT

STEPS, HALF, SEQ, BATCH = 160, 80, 24, 16
PARTS = ["everything", "moments left out", "generator left out"]
table = next_tokens()


def fresh():
    """Model, optimizer and generator before the first update."""
    torch.manual_seed(0)
    sizes = {"vocab": VOCAB, "n_positions": SEQ, "d_model": 32}
    model = GPT(**sizes, layers=1, heads=1)
    optimizer = AdamW(model.parameters(), betas=(0.9, 0.99), weight_decay=0.1)
    return model, optimizer, torch.Generator().manual_seed(0)


def run(parts, start):
    """Train to the end, and report each update."""
    model, optimizer, generator = parts
    yield from train(
        model,
        optimizer,
        lambda: draw_source(table, BATCH, SEQ, generator),
        lr=0.02,
        warmup_steps=STEPS // 10,
        total_steps=STEPS,
        start=start,
    )


parts, losses = fresh(), []
for record in run(parts, 0):
    losses.append(record.loss)
    if record.step == HALF:
        saved = checkpoint(HALF, *parts)
whole = torch.stack(losses)[HALF:]
differences, same = {}, False
for name in PARTS:
    again = fresh()
    new = {"optimizer": again[1].state_dict(), "generator": again[2].get_state()}
    lost = {"moments left out": ["optimizer"], "generator left out": ["generator"]}
    start = resume(saved | {key: new[key] for key in lost.get(name, [])}, *again)
    resumed = torch.stack([record.loss for record in run(again, start)])
    differences[name] = resumed - whole
    if name == "everything":
        pairs = zip(parts[0].parameters(), again[0].parameters(), strict=True)
        same = all(torch.equal(one, other) for one, other in pairs)

fig, ax = plt.subplots(figsize=(6.4, 3.2), layout="constrained")
for number, (name, difference) in enumerate(differences.items()):
    style = f"C{number}" + ["-", "--", ":"][number]
    ax.plot(range(HALF + 1, STEPS + 1), difference, style, label=name)
fig.legend(loc="outside upper center", ncols=3)
ax.set(xlabel="update", ylabel="loss difference, nats")
largest = {name: d.abs().max() for name, d in differences.items()}
fig.set_label(
    "Differences from the uninterrupted run. "
    + " ".join(f"{n.capitalize()}: at most {v:.2f} nats." for n, v in largest.items())
)
measured = {"no_moments": differences["moments left out"].max()}
assert same
assert largest["everything"] == 0
