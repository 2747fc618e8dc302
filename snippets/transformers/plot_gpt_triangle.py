"""
A causal model reads a text row by row
======================================

A figure of :doc:`/transformers/gpt`. Each row is a position: the tokens that it may
see, and the token that it predicts. A row never changes when the text grows, so its
keys and values can be kept.
"""

import matplotlib.pyplot as plt
from matplotlib.animation import FuncAnimation
from matplotlib.patches import Rectangle

TEXT = ["the", "cat", "sat", "on", "the", "mat"]
SEEN = len(TEXT) - 1  # the last token is only predicted

fig, ax = plt.subplots(figsize=(5.2, 3.2), layout="constrained")
ax.set(xlim=(-1.5, SEEN + 1.4), ylim=(SEEN - 0.4, -1.35), aspect="equal")
ax.axis("off")
cells, words, answers = {}, [], []
for row in range(SEEN):
    for column in range(SEEN):
        cell = Rectangle((column - 0.46, row - 0.46), 0.92, 0.92, linewidth=0)
        cells[row, column] = ax.add_patch(cell)
        if column > row:
            ax.text(column, row, "-", ha="center", va="center", color="0.5")
    words.append(ax.text(row, -0.75, TEXT[row], ha="center", va="center"))
    answers.append(ax.text(SEEN - 0.3, row, "", va="center"))
ax.text(-0.62, -0.75, "sees", ha="right", va="center", color="0.5")
ax.text(SEEN - 0.3, -0.75, "predicts", va="center", color="0.5")


def draw(frame):
    for (row, column), cell in cells.items():
        visible = column <= row <= frame
        cell.set_facecolor(("C1" if row == frame else "C0") if visible else "none")
        cell.set_alpha(1 if row == frame else 0.45)
    for row in range(SEEN):
        words[row].set_alpha(1 if row <= frame else 0)
        answers[row].set_text(f"→ {TEXT[row + 1]}" if row <= frame else "")


fig.set_label(
    "Animation of a triangle that grows by one row per token of “the cat sat on the "
    "mat”. Row t has t filled cells, for the tokens up to t, and names the token after "
    "them; dashes mark later tokens. The newest row is highlighted, and earlier rows "
    "stay as they are."
)
animation = FuncAnimation(fig, draw, range(SEEN), interval=1000)
