"""
GraphSAGE: accuracy by the size of the samples
==============================================

Figure for :doc:`/graphs/graphsage`: networks trained with samples of one or of five,
tested with samples of one to ten and with all neighbors.
"""

import matplotlib.pyplot as plt
import numpy as np

from snippets.graphs.four_groups import GROUP, accuracy, groups, trained
from snippets.graphs.message_passing import propagate

known = [groups(seed) for seed in range(4)]
new = [groups(seed) for seed in range(10, 15)]
SIZES = (1, 2, 5, 10, None)


def tested(models) -> np.ndarray:
    """Accuracy for each size of the test, in three runs."""
    sizes = [size and (size, size) for size in SIZES]
    return np.array([[accuracy(m, new, size) for m in models] for size in sizes])


models = {s: [trained(known, seed, (s, s)) for seed in range(3)] for s in (1, 5)}
runs = {size: tested(of_size) for size, of_size in models.items()}
of_one, of_five = (run.mean(axis=1) for run in runs.values())
assert of_five[0] + 0.03 < of_one[0] < of_five[2] - 0.05

# %%
# The average of 16 predictions from samples of two
# -------------------------------------------------
# Each reads 3 times 3 feature vectors. With all neighbors, a node's tree has as many as
# the node and its neighbors have neighbors, and these nodes themselves.


def averaged(model, graph) -> float:
    chances = [model(graph, (2, 2)).softmax(dim=1) for _ in range(16)]
    return (sum(chances).argmax(dim=1) == GROUP).double().mean().item()


of_16 = np.mean([averaged(model, graph) for model in models[5] for graph in new])
assert of_five[1] + 0.1 < of_16 < of_five[4]


def tree_size(x, edge_index) -> float:
    first = 1 + edge_index[1].bincount(minlength=200).double()[:, None]
    return (first + propagate(first, edge_index)).mean()


# %%
# The figure
# ----------

fig, ax = plt.subplots(figsize=(6.4, 3.2), layout="constrained")
for (size, run), color in zip(runs.items(), ("C1", "C0"), strict=True):
    ax.plot(range(5), run, "o", color=color, alpha=0.4)
    ax.plot(range(5), run.mean(axis=1), color, label=f"trained with samples of {size}")
ax.set(xticks=range(5), xticklabels=[1, 2, 5, 10, "all"], ylim=(0.4, 1))
ax.set(xlabel="sampled neighbors in the test", ylabel="accuracy on new graphs")
ax.legend(loc="lower right")
fig.set_label(
    f"Accuracy by sample size in the test. Trained with one: {of_one[0]:.0%} with one, "
    f"{of_one[2]:.0%} with five, {of_one[4]:.0%} with all. Trained with five: "
    f"{of_five[0]:.0%}, {of_five[2]:.0%} and {of_five[4]:.0%}."
)
measured = {"one_one": of_one[0], "one_all": of_one[4]}
measured |= {"five_one": of_five[0], "five_five": of_five[2], "five_all": of_five[4]}
measured |= {"five_two": of_five[1], "averaged": of_16}
measured["tree_size"] = np.mean([tree_size(*graph) for graph in new])
