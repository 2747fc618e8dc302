"""
KV cache: keys and values that each pass computes and reads
===========================================================

A prompt of four words is continued by six words, without and with a cache. Each row is
a pass of the model, each square the key and the value of one word.
"""

import matplotlib.pyplot as plt
from matplotlib.animation import FuncAnimation

words = ["the", "cat", "sat", "on", "the", "mat", "and", "fell", "asleep", "."]
PROMPT = 4
passes = len(words) - PROMPT
titles = ["without a cache", "with a cache"]


def squares(cached: bool, row: int) -> tuple[list[int], list[int]]:
    """The words whose keys a pass computes, and those whose keys it reads."""
    length = PROMPT + row
    kept = length - 1 if cached and row else 0
    return list(range(kept, length)), list(range(kept))


totals = {
    cached: sum(len(squares(cached, row)[0]) for row in range(passes))
    for cached in (False, True)
}
assert totals == {False: sum(range(4, 10)), True: 4 + 5}

fig, axes = plt.subplots(1, 2, figsize=(6.4, 3.4), sharey=True)
fig.set_label(
    "Animation of two diagrams that grow row by row, one row for each pass. Without a "
    "cache all squares of a row are orange, the color of keys that are computed: "
    f"{totals[False]} in all. With a cache the first row has {PROMPT} orange squares "
    f"and every later row one, {totals[True]} in all; the others are blue."
)


def draw(shown: int) -> None:
    for ax, title in zip(axes, titles, strict=True):
        ax.clear()
        total = 0
        for row in range(shown):
            computed, read = squares(title == "with a cache", row)
            total += len(computed)
            ax.plot(computed, [row] * len(computed), "s", color="C1", ms=12)
            ax.plot(read, [row] * len(read), "s", color="C0", ms=12)
        ax.set(xlim=(-0.6, len(words) - 1.4), ylim=(passes - 0.4, -0.6))
        ax.set_xticks(range(len(words) - 1), words[:-1], rotation=90)
        ax.set_yticks(range(passes), range(1, passes + 1))
        ax.set_title(f"{title}: {total} computed", fontsize=10)
    axes[0].set(ylabel="pass")


frames = [*range(1, passes + 1), passes, passes]
animation = FuncAnimation(fig, draw, frames, interval=800)
