"""
A course on language models in recommenders, as a graph
=======================================================

A figure of :doc:`/recommenders/llm_recommenders`: the modules of the course, what each
needs, and how long it takes.
"""

import matplotlib.pyplot as plt
import networkx as nx

from snippets.recommenders.course_map import COURSE, in_order, way_to

graph = nx.DiGraph()
for module in in_order(COURSE):
    graph.add_node(module.name, minutes=module.minutes)
    graph.add_edges_from((need, module.name) for need in module.needs)
for depth, names in enumerate(nx.topological_generations(graph)):
    for name in names:
        graph.nodes[name]["depth"] = depth
spots = nx.multipartite_layout(graph, subset_key="depth")
total = sum(module.minutes for module in COURSE)

fig, ax = plt.subplots(figsize=(7.2, 2.6), layout="constrained")
boxes = {}
for name, (x, y) in spots.items():
    text = f"{name.replace(' ', chr(10))}\n{graph.nodes[name]['minutes']} min"
    box = {"boxstyle": "round", "facecolor": "none", "edgecolor": "C1"}
    drawn = ax.text(x, y, text, ha="center", va="center", fontsize=8, bbox=box)
    boxes[name] = drawn.get_bbox_patch()
for start, end in graph.edges:
    arrow = {"arrowstyle": "-|>", "color": "C0", "shrinkA": 1, "shrinkB": 1}
    arrow |= {"patchA": boxes[start], "patchB": boxes[end]}
    ax.annotate("", spots[end], spots[start], arrowprops=arrow)
ax.plot(*zip(*spots.values(), strict=True), ",", alpha=0)  # so that all are in view
ax.margins(0.12, 0.25)
ax.axis("off")
ax.set_in_layout(False)
after = "; ".join(f"{m.name} after {' and '.join(m.needs)}" for m in COURSE if m.needs)
fig.set_label(f"Graph of the {len(COURSE)} modules, {total} minutes in all. {after}.")

measured = {"hours": total / 60}
assert nx.is_directed_acyclic_graph(graph)
assert len(way_to(COURSE, "Serving")) == len(COURSE) - 2
