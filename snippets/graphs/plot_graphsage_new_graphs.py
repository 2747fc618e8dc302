"""
GraphSAGE: accuracy on graphs that training has not seen
========================================================

Figure for :doc:`/graphs/graphsage`: GraphSAGE, the same network without edges, and
a sum over neighbors without training.
"""

import matplotlib.pyplot as plt
import numpy as np

from snippets.graphs.four_groups import GROUP, NO_EDGES, accuracy, groups, trained
from snippets.graphs.message_passing import propagate

known = [groups(seed) for seed in range(4)]
new = [groups(seed) for seed in range(10, 15)]


def without_edges(graphs):
    return [graph._replace(edge_index=NO_EDGES) for graph in graphs]


# %%
# Three runs, and a rule without parameters
# -----------------------------------------
# The rule adds the features of the neighbors to a node's own, twice in a row.


def untrained_rule(x, edge_index):
    for _ in range(2):
        x = x + propagate(x, edge_index)
    return (x.argmax(dim=1) == GROUP).double().mean()


sage = [accuracy(trained(known, seed, (5, 5)), new) for seed in range(3)]
deaf = [
    accuracy(trained(without_edges(known), seed, None), without_edges(new))
    for seed in range(3)
]
rule = np.mean([untrained_rule(*graph) for graph in new])

# %%
# Training with all neighbors, on the four graphs and on twenty

more = [groups(seed) for seed in range(100, 120)]
whole, twenty = (
    np.mean([accuracy(trained(graphs, seed, None), new) for seed in range(3)])
    for graphs in (known, more)
)
assert min(sage) > 0.85 > 0.65 > max(deaf)
assert np.mean(sage) < whole - 0.005
assert whole < twenty - 0.005
assert abs(twenty - rule) < 0.02

names = ["no edges", "GraphSAGE", "sums, untrained"]
fig, ax = plt.subplots(figsize=(6.4, 3), layout="constrained")
ax.plot([0, 1], [deaf, sage], "o", color="C0", alpha=0.5)
ax.plot(range(3), [np.mean(deaf), np.mean(sage), rule], "_", color="C1", ms=30, mew=2)
ax.axhline(0.25, color="0.5", ls="--")
ax.text(2.1, 0.27, "guessing")
ax.set(xticks=range(3), xticklabels=names, xlim=(-0.5, 2.5), ylim=(0, 1))
ax.set_ylabel("accuracy on new graphs")
fig.set_label(
    f"Accuracy on new graphs, means of three runs: without edges {np.mean(deaf):.0%}, "
    f"GraphSAGE {np.mean(sage):.0%}; sums without training {rule:.0%}. A dashed line "
    "marks guessing at a quarter."
)
measured = {"sage": np.mean(sage), "deaf": np.mean(deaf), "by_hand": rule}
measured |= {"whole": whole, "twenty": twenty}
