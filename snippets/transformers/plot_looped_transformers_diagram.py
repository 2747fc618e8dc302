"""
Four blocks, or one block in four loops
=======================================

Animation for :doc:`/transformers/looped_transformers`. A state moves up through a stack
of four blocks, and around a loop of one block that adds the input each time.
"""

import matplotlib.pyplot as plt
from matplotlib.animation import FuncAnimation
from matplotlib.patches import FancyBboxPatch

LOOPS = 4
# not of the style: white text must be legible on them in both themes
COLORS = ["royalblue", "mediumvioletred", "seagreen", "chocolate"]
ARROW = {"arrowstyle": "-|>", "color": "0.5", "shrinkA": 0, "shrinkB": 0}


def box(ax, x, y, label, color):
    shape = FancyBboxPatch(
        (x - 0.7, y - 0.25), 1.4, 0.5, "round,pad=0.02,rounding_size=0.1"
    )
    shape.set(facecolor=color, edgecolor="none", zorder=2)
    ax.add_patch(shape)
    ax.text(x, y, label, ha="center", va="center", color="white", zorder=4)


fig, ax = plt.subplots(figsize=(6.4, 3.5), layout="constrained")
ax.set(xlim=(-1.6, 8.6), ylim=(-0.4, 5.2), aspect="equal")
ax.axis("off")
for x, title in (
    (0, "4 blocks, 1 loop"),
    (3.2, "1 block, 4 loops"),
    (6.6, "injection"),
):
    ax.text(x, 5, title, ha="center")
    ax.text(x, -0.25, "input", ha="center", color="0.5")
for row, color in enumerate(COLORS):
    ax.annotate("", (0, row + 0.73), (0, row + 0.27 * (row > 0)), arrowprops=ARROW)
    box(ax, 0, row + 1, f"block {row + 1}", color)
ax.annotate("", (0, 4.7), (0, 4.25), arrowprops=ARROW)
for x in (3.2, 6.6):
    ax.annotate("", (x, 2.22), (x, 0), arrowprops=ARROW)
    box(ax, x, 2.5, "block 1", COLORS[0])
    ax.annotate("", (x, 4.7), (x, 2.75), arrowprops=ARROW)
    ax.plot([x, x + 1.2, x + 1.2], [3.5, 3.5, 1.2], color="0.5", linewidth=1)
    ax.annotate("", (x, 1.2), (x + 1.2, 1.2), arrowprops=ARROW)
ax.text(3.05, 0.55, "once", ha="right", va="center", color="0.5")
ax.text(6.45, 0.55, "in each loop", ha="right", va="center", color="0.5")
ax.text(6.35, 1.2, "+", ha="right", va="center", fontsize=14)

dots = [ax.plot([], [], "o", color="C1", markersize=9, zorder=5)[0] for _ in range(3)]
counts = [ax.text(x + 1.3, 3.62, "", va="bottom", ha="right") for x in (3.2, 6.6)]


def draw(frame: int) -> None:
    """Even frames: before a block; odd frames: behind it."""
    loop, behind = divmod(frame, 2)
    dots[0].set_data([0], [loop + (1.37 if behind else 0.4)])
    for dot, x in zip(dots[1:], (3.2, 6.6), strict=True):
        dot.set_data([x], [3.5 if behind else 1.2])
    for count in counts:
        count.set_text(f"loop {loop + 1}")


animation = FuncAnimation(fig, draw, frames=2 * LOOPS, interval=600)
fig.set_label(
    "Three diagrams. Left, a stack of four blocks in four colors. Middle, one block "
    "with a line from its output back to its input, and a counter of loops. Right, the "
    "same, with a plus sign where the line returns: the input is added in each loop. A "
    "dot moves up the stack and around the loops, one block at a time."
)
