"""
Late fusion and joint fusion
============================

A figure of :doc:`/recommenders/transaction_transformer`: which parts each way of fusion
has, and which of them the gradient of the loss reaches.
"""

import matplotlib.pyplot as plt
from matplotlib.patches import FancyBboxPatch

# not of the style: white text must be legible on them in both themes
TRAINED, FROZEN, TREES = "royalblue", "slategray", "seagreen"
FORWARD = {"arrowstyle": "-|>", "color": "0.5", "shrinkA": 0, "shrinkB": 0}
GRADIENT = FORWARD | {"color": "C1", "linestyle": "--", "linewidth": 1.5}


def box(ax, x, y, label, color):
    shape = FancyBboxPatch((x - 0.95, y - 0.27), 1.9, 0.54, "round,pad=0.02")
    shape.set(facecolor=color, edgecolor="none", zorder=2)
    ax.add_patch(shape)
    ax.text(x, y, label, ha="center", va="center", color="white", size=10, zorder=4)


def arrow(ax, start, end, style, shift=0.0):
    """From one box to another, shifted to the side."""
    (x_1, y_1), (x_2, y_2) = start, end
    below, above = y_1 + 0.3, y_2 - 0.3
    ends = ((x_2 + shift, above), (x_1 + shift, below))
    if style is GRADIENT:
        ends = ends[::-1]
    ax.annotate("", *ends, arrowprops=style)


def column(ax, title, places, links, backward):
    """Boxes, arrows of the forward pass, and arrows of the gradient."""
    for (x, y), (label, color) in places.items():
        box(ax, x, y, label, color)
    for start, end in links:
        arrow(ax, start, end, FORWARD)
    for start, end in backward:
        arrow(ax, start, end, GRADIENT, shift=0.3)
    for x, name in ((0, "statement"), (2.3, "table")):
        ax.text(x, -0.1, name, ha="center", va="center")
    ax.set(xlim=(-1.1, 3.4), ylim=(-0.4, 4.9), title=title)
    ax.axis("off")


fig, (left, right) = plt.subplots(1, 2, figsize=(6.8, 3.6), layout="constrained")
a, b, c, d = (0, 1), (0, 2.3), (1.15, 3.6), (2.3, 1)
inputs = [((0, -0.2), a), ((2.3, -0.2), d)]
column(
    left,
    "late fusion",
    {a: ("transformer", FROZEN), b: ("user embedding", FROZEN), c: ("trees", TREES)},
    [inputs[0], (a, b), (b, c), ((2.3, -0.2), c)],
    [],
)
column(
    right,
    "joint fusion",
    {
        a: ("transformer", TRAINED),
        b: ("LayerNorm", TRAINED),
        c: ("MLP", TRAINED),
        d: ("DCN V2", TRAINED),
    },
    [*inputs, (a, b), (b, c), (d, c)],
    [(a, b), (b, c), (d, c)],
)
for ax in (left, right):
    ax.annotate("", (1.15, 4.45), (1.15, 3.9), arrowprops=FORWARD)
    ax.text(1.15, 4.6, "label", ha="center", va="center")
right.plot([], [], "--", color="C1", label="gradient of the loss")
for color, name in ((FROZEN, "frozen"), (TREES, "fitted without gradients")):
    left.plot([], [], "s", color=color, label=name, markersize=9)
right.plot([], [], "s", color=TRAINED, label="trained as a whole", markersize=9)
fig.legend(loc="outside lower center", ncols=4, fontsize=9, columnspacing=1)
fig.set_label(
    "Two diagrams. Left, late fusion: a statement goes through a frozen transformer "
    "into a user embedding, which boosted trees read together with the table. Right, "
    "joint fusion: the statement goes through a transformer and a LayerNorm, the table "
    "through DCN V2, and an MLP reads both. Dashed arrows show the gradient: it runs "
    "back from the MLP to LayerNorm, transformer, and DCN V2. Left, there are none."
)
