"""
GraphSAGE: accuracy by the size of the samples
==============================================

Figure for :doc:`/graphs/graphsage`: networks trained with samples of one or of five,
tested with samples of one to ten and with all neighbors.
"""

import matplotlib.pyplot as plt
import numpy as np

from snippets.graphs.four_groups import accuracy, groups, trained

known = [groups(seed) for seed in range(4)]
new = [groups(seed) for seed in range(10, 15)]
SIZES = (1, 2, 5, 10, None)


def tested(fan_out: int) -> np.ndarray:
    """Accuracy for each size of the test, in three runs."""
    models = [trained(known, seed, (fan_out, fan_out)) for seed in range(3)]
    sizes = [size and (size, size) for size in SIZES]
    return np.array([[accuracy(m, new, size) for m in models] for size in sizes])


runs = {1: tested(1), 5: tested(5)}
of_one, of_five = (run.mean(axis=1) for run in runs.values())
assert of_five[0] + 0.03 < of_one[0] < of_five[2] - 0.05

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
