"""
A grid fills in over the supervision steps
==========================================

Animation for :doc:`/transformers/tiny_recursive_model`. After each supervision step, a
recursive model has a digit and a probability for every cell, and a halting logit.
"""

import matplotlib.pyplot as plt
import torch
from matplotlib.animation import FuncAnimation
from matplotlib.patches import Rectangle

from snippets.transformers.small_sudoku import SIDE, draw_puzzles, split
from snippets.transformers.sudoku_training import Plan, answer, models, train

STEPS = 5
training, test = split(draw_puzzles(800, 5, torch.Generator().manual_seed(0)))
plan = Plan(n=2, cycles=2, n_sup=4, steps=400)
(average,) = train(models([0], 16, 16, 32), training, plan)
made = answer(average, test, plan, STEPS)
probability, digit = made.logits[:, 0].softmax(dim=-1).max(dim=-1)
right = digit + 1 == test.solution
errors, halt = (~right).sum(dim=-1), made.halt[:, 0]
early = ((halt > 0) & (errors > 0)).any(dim=0)  # positive while cells are wrong
fits = early & (halt[0] < 0) & (halt[-1] > 0) & (errors[0] > 0) & (errors[-1] == 0)
assert fits.any()
shown = (errors.sum(dim=0) * fits).argmax()  # the slowest of them
wrong, halts = errors[:, shown].tolist(), halt[:, shown].tolist()

fig, (ax, bar) = plt.subplots(
    1, 2, figsize=(5.4, 3), layout="constrained", width_ratios=(1.25, 1)
)
ax.set(xlim=(0, SIDE), ylim=(SIDE, 0), aspect="equal", xticks=[], yticks=[])
for line in range(SIDE + 1):
    for draw_line in (ax.axhline, ax.axvline):
        draw_line(line, color="0.5", lw=0.6 if line % 2 else 2, clip_on=False)
cells, texts = [], []
for cell in range(SIDE**2):
    row, column = divmod(cell, SIDE)
    cells.append(ax.add_patch(Rectangle((column, row), 1, 1, lw=0)))
    texts.append(ax.text(column + 0.5, row + 0.5, "", ha="center", va="center"))
bars = bar.bar(range(1, STEPS + 1), [0.0] * STEPS)
bar.axhline(0, color="0.5", ls="--")
margin = 0.5 + max(map(abs, halts))
bar.set(xlabel="supervision step", ylabel="halting logit", ylim=(-margin, margin))


def draw(frame: int) -> None:
    step = min(frame, STEPS) - 1  # frame 0 shows the puzzle alone
    for cell, given in enumerate(test.given[shown].tolist()):
        if given:
            look, text = ("0.5", 0.35), str(given)
        elif step < 0:
            look, text = ("none", 0), ""
        else:
            color = "C0" if right[step, shown, cell] else "C1"
            look = color, 0.6 * float(probability[step, shown, cell]) ** 2
            text = str(digit[step, shown, cell].item() + 1)
        cells[cell].set(facecolor=look[0], alpha=look[1])
        texts[cell].set(text=text, weight="bold" if given else "normal")
    for number, (rectangle, value) in enumerate(zip(bars, halts, strict=True)):
        rectangle.set_height(value if number <= step else 0)
    ax.set_title("the puzzle" if step < 0 else f"after step {step + 1}", fontsize=10)


filling = FuncAnimation(fig, draw, frames=STEPS + 3, interval=1000)
fig.set_label(
    "Animation of a Sudoku grid of four by four with five given digits. The numbers "
    f"of wrong cells after steps 1 to {STEPS} are {', '.join(map(str, wrong))}. Bars "
    f"show the halting logit: {halts[0]:.1f} after step 1, {halts[-1]:.1f} at the end."
)
