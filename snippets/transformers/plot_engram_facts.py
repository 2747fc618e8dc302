"""
A memory learns facts in fewer updates
======================================

A figure of :doc:`/transformers/engram`. Small transformers learn the fact language:
with a memory of four hash heads, with one of one hash head, and without a memory but
with as many parameters.
"""

import matplotlib.pyplot as plt

from snippets.transformers.fact_training import Memory, learn_facts

SEEDS, MARKS = [0, 1, 2], [10, 25, 50, 75, 100, 150, 225, 300]
# Width, memory, learning rate. The rates give the highest accuracy (in whole percent;
# of equals, the smaller) with seeds 10, 11, and 12, among 0.005, 0.01, 0.02, 0.04, and
# 0.08.
MODELS = {
    "memory, four heads": (16, Memory(257, 4), 0.04),
    "memory, one head": (16, Memory(271, 1), 0.02),
    "no memory": (40, None, 0.02),
}
four, one, none = (learn_facts(*kind, SEEDS, MARKS) for kind in MODELS.values())

fig, ax = plt.subplots(figsize=(5.4, 3.2), layout="constrained")
for i, (name, learned) in enumerate(zip(MODELS, (four, one, none), strict=True)):
    style = "--" if i == 1 else "-"
    ax.plot(MARKS, learned.accuracy, style, color=f"C{i}", label=[name, "_", "_"])
ax.set(xlabel="updates", ylabel="accuracy", xlim=(0, MARKS[-1]), ylim=(0, 1.03))
ax.legend(loc="lower right")
ends = [learned.accuracy[-1] for learned in (four, one, none)]
fig.set_label(
    "Accuracy against updates, three close curves for each model. They end at means "
    f"of {ends[0].mean():.0%} with four heads, {ends[1].mean():.0%} with one head, and "
    f"{ends[2].mean():.0%} without memory."
)
assert ends[0].min() > 0.95
assert ends[0].min() > max(end.max() for end in ends[1:]) + 0.05
assert (four.losses < none.losses - 0.1).all()
assert (one.accuracy[4] > none.accuracy[4] + 0.1).all()  # after 100 updates
assert abs(ends[1].mean() - ends[2].mean()) < 0.05
measured = {"four": ends[0].mean(), "one": ends[1].mean(), "none": ends[2].mean()}
measured["four_thousands"] = four.parameters / 1000
measured["one_thousands"] = one.parameters / 1000
measured["none_thousands"] = none.parameters / 1000
