"""
Beam search in the tree of codes
================================

Animation for :doc:`/recommenders/encode_and_generate`: probability flows down the tree
of the codes of seven items, and a beam of width 2 follows the largest shares.
"""

import matplotlib.pyplot as plt
from matplotlib.animation import FuncAnimation

from snippets.recommenders.encode_and_generate import (
    beam_search,
    prefix_tree,
    score_catalog,
)
from snippets.recommenders.toy_codes import CODES, NAMES, step

WIDTH, LEVELS = 2, CODES.shape[1]
heights, chances, kept = {(): 0.0}, {(): 1.0}, set()
for level in range(1, LEVELS + 1):
    known = CODES[:, :level].unique(dim=0)  # the beginnings of this length
    trie = prefix_tree(known, len(NAMES))
    shares = score_catalog(step, trie, known, users=1)[0].exp()
    beam = beam_search(step, trie, 1, min(WIDTH, len(known))).items[0]
    for place, prefix in enumerate(map(tuple, known.tolist())):
        rows = (CODES[:, :level] == known[place]).all(dim=1).nonzero()
        heights[prefix], chances[prefix] = -rows.float().mean().item(), shares[place]
        if place in beam:
            kept.add(prefix)
heights[()] = -(len(CODES) - 1) / 2

fig, ax = plt.subplots(figsize=(6.8, 3.6), layout="constrained")
ax.set(xlim=(-0.1, LEVELS + 0.75), ylim=(-len(CODES) + 0.3, 0.7))
ax.axis("off")
drawn = [[] for _ in range(LEVELS + 1)]  # by level
for prefix, chance in chances.items():
    level, height = len(prefix), heights[prefix]
    strong = prefix in kept or not prefix
    color, label = ("C0", "bold") if strong else ("0.55", "normal")
    if prefix:
        ends = [heights[prefix[:-1]], height]
        line = ax.plot([level - 1, level], ends, color=color, zorder=1)[0]
        line.set(linewidth=1 + 9 * chance, alpha=0.6, solid_capstyle="round")
        drawn[level].append(line)
    text = f"{NAMES[prefix[-1]]} {chance:.2f}" if prefix else "start"
    place = {"ha": "left" if level == LEVELS else "center", "va": "center"}
    down = bool(prefix) and height < heights[prefix[:-1]]
    up = 0 if level == LEVELS else -0.45 if down else 0.42  # away from the lines
    spot = (level + 0.05 * (level == LEVELS), height + up)
    drawn[level].append(ax.text(*spot, text, weight=label, size=10, **place))


def draw(frame):
    """The tree down to one level."""
    for level, artists in enumerate(drawn):
        for artist in artists:
            artist.set_visible(level <= frame)
    return [artist for artists in drawn for artist in artists]


animation = FuncAnimation(fig, draw, frames=LEVELS + 1, interval=1200)
draw(LEVELS)
items = {prefix: chance for prefix, chance in chances.items() if len(prefix) == LEVELS}
best, greedy = max(items, key=items.get), (0, 2, 4)
fig.set_label(
    f"A tree of seven codes. Lines are as thick as their probability. Tools has "
    f"{chances[0,]:.2f} and paint {chances[1,]:.2f}, and a beam of width {WIDTH} keeps "
    f"both. Its first item, small things on the first shelf of paint, has "
    f"{items[best]:.2f}; its second, on the first shelf of tools, {items[greedy]:.2f}."
)
assert {best, greedy} <= kept
assert best == (1, 2, 4)
assert abs(sum(items.values()) - 1) < 1e-5
