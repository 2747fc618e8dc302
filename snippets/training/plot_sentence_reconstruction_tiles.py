"""
Words that slide into place, with the probability of each
=========================================================

Animation for :doc:`/training/sentence_reconstruction`: shuffled words are chosen one by
one. The numbers are the probabilities of a perfect model, which knows the grammar: the
share of the arrangements that go on with a word.
"""

import matplotlib.pyplot as plt
from matplotlib.animation import FuncAnimation

from snippets.training.small_grammar import arrangements, is_sentence

shuffled = ["red", "cats", "sleeps", "my", "near", "the", "dog"]
written = ["my", "red", "dog", "near", "the", "cats", "sleeps"]
assert sorted(shuffled) == sorted(written)
assert is_sentence(written)

steps = []  # for each step, the probability of each word that is left
for place in range(len(written)):
    begun, left = written[:place], list(shuffled)
    for word in begun:
        left.remove(word)
    total = arrangements(left, begun)
    chances = {}
    for word in left:
        others = list(left)
        others.remove(word)
        chances[word] = arrangements(others, [*begun, word]) / total
    assert abs(sum(chances.values()) - 1) < 1e-9
    steps.append(chances)

fig, ax = plt.subplots(figsize=(6.4, 2.2), layout="constrained")
ax.set(xlim=(-1.35, len(shuffled) - 0.45), ylim=(-0.45, 2.4))
ax.set_axis_off()
for row, name in ((1.4, "words"), (0, "sentence")):
    ax.text(-1.35, row, name, va="center", color="0.5")
for place in range(len(written)):
    ax.plot([place - 0.42, place + 0.42], [-0.3, -0.3], color="0.6", lw=1)
box = {"boxstyle": "round,pad=0.35", "fc": "C0", "ec": "none", "alpha": 0.25}
middle = {"ha": "center", "va": "center"}
tiles = [ax.text(i, 1.4, word, bbox=box, **middle) for i, word in enumerate(shuffled)]
numbers = [ax.text(i, 2.1, "", **middle) for i in range(len(shuffled))]
MOVES = 4  # frames of a step: the probabilities are shown, then the word slides


def draw(frame: int) -> None:
    step, part = divmod(frame, MOVES)
    for column, (tile, number, word) in enumerate(
        zip(tiles, numbers, shuffled, strict=True)
    ):
        end = written.index(word)
        done = 1.0 if end < step else part / MOVES if end == step else 0.0
        tile.set_position((column + done * (end - column), 1.4 * (1 - done)))
        shown = step < len(steps) and word in steps[step] and part == 0
        number.set_text(f"{steps[step][word]:.2f}" if shown else "")


frames = MOVES * len(written) + 1
animation = FuncAnimation(fig, draw, frames=frames, interval=350)
fig.set_label(
    f"Tiles with the words {', '.join(shuffled)}. One after the other they slide down "
    f"to: {' '.join(written)}. Above the tiles, the probability of each word: "
    + " ".join(
        f"Step {number}: "
        + ", ".join(f"{w} {p:.2f}" for w, p in chances.items() if p)
        + "."
        for number, chances in enumerate(steps, 1)
    )
)
