"""
Spans of a text that move to the target
=======================================

Animation for :doc:`/transformers/t5`: each word of a sentence goes to the input of the
encoder or, if it is in a span, to the target of the decoder. A sentinel marks the span
in both.
"""

import matplotlib.pyplot as plt
from matplotlib.animation import FuncAnimation

from snippets.transformers.span_corruption import corrupt, restore

SENTINELS = ["<X>", "<Y>", "<Z>"]
COLORS = dict(zip(SENTINELS, ("C1", "C2", "C3"), strict=True))
STEPS = 2  # frames until a word has arrived; in between it is below the text

text = "the grey cat slept on a warm mat near the old stove"
words = text.split()
spans = [(3, 6), (9, 11)]
made = corrupt(words, spans, SENTINELS)
assert restore(made, SENTINELS) == words


def columns(tokens: list[str]) -> list[int]:
    """The column at which each token begins, one space between tokens."""
    return [sum(len(word) + 1 for word in tokens[:i]) for i in range(len(tokens))]


fig, ax = plt.subplots(figsize=(6.4, 1.9), layout="constrained")
ax.set(xlim=(-9, 53), ylim=(-0.5, 2.5))
ax.set_axis_off()
for row, name in enumerate(("target", "input", "text")):
    ax.text(-9, row, name, va="center", color="0.5")
style = {"family": "monospace", "va": "center", "fontsize": 9}
starts = columns(words)
for word, column in zip(words, starts, strict=True):
    ax.text(column, 2, word, color="0.5", **style)

moves = []  # start and end of each word, and the time when it leaves
rows = ((1, made.input), (0, made.target))
places = {
    (row, i): column for row, line in rows for i, column in enumerate(columns(line))
}
done = {0: 0, 1: 0}  # tokens that each row has
for time, (word, column) in enumerate(zip(words, starts, strict=True)):
    color = None
    for (start, stop), sentinel in zip(spans, SENTINELS, strict=False):
        if start <= time < stop:
            color = COLORS[sentinel]
        if time == start:
            for row in (0, 1):
                end = (places[row, done[row]], row)
                moves.append((end, end, time, sentinel, COLORS[sentinel]))
                done[row] += 1
    row = 1 if color is None else 0
    end = (places[row, done[row]], row)
    moves.append(((column, 2), end, time, word, color or "C0"))
    done[row] += 1
end = (places[0, done[0]], 0)
moves.append((end, end, len(words) - 1, "<Z>", COLORS["<Z>"]))
texts = [ax.text(*move[0], move[3], color=move[4], **style) for move in moves]


def draw(frame: int) -> None:
    for shown, ((x, y), (to_x, to_y), time, *_) in zip(texts, moves, strict=True):
        part = (0, 0.25, 1)[min(max(frame - STEPS * time, 0), 2)]
        shown.set_position((x + part * (to_x - x), y + part * (to_y - y)))
        shown.set_visible(part > 0)


frames = STEPS * len(words) + 1
animation = FuncAnimation(fig, draw, frames=frames, interval=300)
fig.set_label(
    f"Three rows of words. The text: {text}. Word by word it is divided. "
    f"The input: {' '.join(made.input)}. The target: {' '.join(made.target)}."
)
