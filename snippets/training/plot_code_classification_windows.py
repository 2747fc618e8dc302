"""
Pieces of a file on both sides of a split
=========================================

A figure of :doc:`/training/code_classification`. Snippets of eight CMake files. A
random split of snippets holds some pieces of a file out and trains on its others; a
split by file does not.
"""

import matplotlib.pyplot as plt
import numpy as np

from snippets.training.code_snippets import drawn
from snippets.training.grouped_splits import group_split

FILES, SHARE = 8, 0.25
pairs = list(drawn("CMake"))
sizes = {name: sum(name == other for _, other in pairs) for _, name in pairs}
chosen = [name for name in sizes if sizes[name] > 3][:FILES]
names = [name for _, name in pairs if name in chosen]
splits = {
    "random split of snippets": group_split(
        [str(i) for i in range(len(names))], SHARE, np.random.default_rng(0)
    ),
    "split by file": group_split(names, SHARE, np.random.default_rng(0)),
}

fig = plt.figure(figsize=(6.4, 2.9), layout="constrained")
axes = fig.subplots(1, 2, sharey=True)
mixed = {}
for ax, (title, split) in zip(axes, splits.items(), strict=True):
    held_out = set(split.held_out.tolist())
    for row, name in enumerate(chosen):
        places = [i for i, other in enumerate(names) if other == name]
        for column, place in enumerate(places):
            inside = place in held_out
            style = {"color": "C1", "hatch": "//"} if inside else {"color": "C0"}
            ax.barh(row, 0.85, left=column, height=0.7, ec="w", **style)
    mixed[title] = len(
        {names[i] for i in split.train} & {names[i] for i in split.held_out}
    )
    ax.set(title=title, xlabel="snippets of a file", xticks=[])
axes[0].set_yticks(range(FILES), [f"file {row + 1}" for row in range(FILES)])
axes[0].invert_yaxis()
handles = [
    plt.Rectangle((0, 0), 1, 1, color="C0", label="training"),
    plt.Rectangle((0, 0), 1, 1, fc="C1", ec="w", hatch="//", label="held out"),
]
fig.legend(handles=handles, loc="outside lower center", ncols=2)
random, by_file = mixed.values()
fig.set_label(
    f"Two panels with {FILES} rows of bars, one bar for each snippet. Files with "
    f"snippets on both sides: {random} in the random split, {by_file} in the other."
)
measured = {"mixed": random}
assert by_file == 0
assert random >= FILES // 2
