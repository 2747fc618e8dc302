"""
Kernel optimization: tiles between two memories
===============================================

A fast memory of 48 words holds three tiles of 4 by 4. Arrows are what moves in a step;
the tile of C stays until it is finished. Below, words moved so far, for this order and
for one that finishes C number by number, after the same multiplications.
"""

from itertools import islice, product

import matplotlib.pyplot as plt
from matplotlib.animation import FuncAnimation

from snippets.inference.kernel_optimization import Cache, multiply_accesses, tiled_words

sizes, tile, step = {"rows": 8, "columns": 12, "inner": 12}, 4, 3 * 4**3


def moved_so_far(side: int) -> list[int]:
    accesses = multiply_accesses(**sizes, row_tile=side, column_tile=side)
    cache, moved = Cache(words=3 * tile**2), []
    while part := list(islice(accesses, step)):
        for access in part:
            cache.touch(*access)
        moved.append(cache.moved)
    cache.flush()
    return [*moved, cache.moved]


bars = {"tiles of 4 by 4": moved_so_far(tile), "number by number": moved_so_far(1)}
assert bars["tiles of 4 by 4"][-1] == tiled_words(**sizes, row_tile=4, column_tile=4)
frames = [*enumerate(product(range(2), range(3), range(3))), *2 * [(18, (1, 2, 2))]]
fig, stage = plt.subplots(figsize=(6.2, 4.2))
fig.set_label(
    "Animation of three matrices in slow memory and three tiles in fast memory. Arrows "
    "bring a tile of A and one of B in every step, a tile of C in every third. At the "
    f"end bars show {bars['tiles of 4 by 4'][-1]} words moved in tiles and "
    f"{bars['number by number'][-1]} number by number."
)
matrices = {"A": (2, 3, 0.0), "B": (3, 3, 4.5), "C": (2, 3, 9.0)}


def square(x, y, color, alpha=1.0) -> None:
    stage.add_patch(plt.Rectangle((x, y), 1, 1, fc=color, alpha=alpha, lw=0))
    stage.add_patch(plt.Rectangle((x, y), 1, 1, fc="none", ec="0.5"))


def draw(frame) -> None:
    done, (i, j, k) = frame
    stage.clear()
    stage.set(xlim=(-0.1, 12.1), ylim=(-4.9, 4))
    stage.axis("off")
    here = {"A": (i, k), "B": (k, j), "C": (i, j)}
    for color, (name, (rows, columns, left)) in enumerate(matrices.items()):
        stage.text(left, 3.3, f"{name}, slow memory")
        for row, column in product(range(rows), range(columns)):
            ready = name == "C" and 3 * row + column < done // 3
            alpha = 1 if (row, column) == here[name] else 0.45 if ready else 0
            square(left + column, 2 - row, f"C{color}", alpha)
        square(left + 1, -2, f"C{color}", (k + 1) / 3 if name == "C" else 1)
        stage.text(left + 1.5, -1.5, name, ha="center", va="center")
        arrows = {"A": ["->"], "B": ["->"], "C": [["->"], [], ["<-"]][k]}[name]
        x, y = left + here[name][1] + 0.5, 2 - here[name][0]
        for style in arrows if done < 18 else []:
            looks = {"arrowstyle": style, "color": f"C{color}", "lw": 2.5}
            stage.annotate("", (left + 1.5, -1), (x, y), arrowprops=looks)
    stage.text(4.5, -2.6, "in fast memory", va="center")
    for place, (label, words) in enumerate(bars.items()):
        y, width = -3.6 - 0.9 * place, 5 * words[done] / bars["number by number"][-1]
        stage.barh(y, width, 0.55, 4.5, color=("C3", "0.5")[place])
        stage.text(4.3, y, label, ha="right", va="center")
        stage.text(4.6 + width, y, f"{words[done]} words", va="center")


animation = FuncAnimation(fig, draw, frames, interval=700)

measured = {
    "number_by_number": bars["number by number"][-1] / bars["tiles of 4 by 4"][-1]
}
