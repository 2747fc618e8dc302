"""
A memory learns facts in fewer updates
======================================

Two figures of :doc:`/transformers/engram`. Small transformers learn the fact language
with a memory, without one, and without one but with as many parameters; then memories
with one head and with four, and with two sizes of their tables.
"""

import matplotlib.pyplot as plt

from snippets.transformers.fact_training import Memory, learn_facts
from snippets.transformers.ngram_hashing import primes_from

SEEDS, MARKS = [0, 1, 2], [10, 25, 50, 75, 100, 150, 225, 300]
PLACES = [(90, 0.78), (160, 0.49), (230, 0.22)]
MEMORIES = [Memory(29, 1), Memory(17, 4), Memory(271, 1), Memory(257, 4)]
plain = learn_facts(16, [None], SEEDS, MARKS)
wide = learn_facts(40, [None], SEEDS, MARKS)
grid = learn_facts(16, MEMORIES, SEEDS, MARKS)

fig, ax = plt.subplots(figsize=(5.4, 3.2), layout="constrained")
names = ["with memory", "without, as many parameters", "without"]
curves = [grid.known[:, 3], wide.known[:, 0], plain.known[:, 0]]
for i, (name, curve) in enumerate(zip(names, curves, strict=True)):
    ax.plot(MARKS, curve, color=f"C{i}")
    ax.text(*PLACES[i], name, color=f"C{i}")
ax.set(xlabel="updates", ylabel="facts known", xlim=(0, MARKS[-1]), ylim=(0, 1))
known = [curve[-1].mean() for curve in curves]
fig.set_label(
    "Facts known against updates, three close curves each. They end at means of "
    f"{known[0]:.0%} with memory, {known[1]:.0%} without but with as many parameters, "
    f"and {known[2]:.0%} without."
)

# %% One head and four, at two sizes of the tables
fig, ax = plt.subplots(figsize=(4.4, 2.6), layout="constrained")
end = grid.known[-1].view(2, 2, 3)  # sizes, heads, seeds
ax.plot([0, 1], end[:, 1], "C0o-", label=["4 heads", "_", "_"])
ax.plot([0, 1], end[:, 0], "C3s--", label=["1 head", "_", "_"])
ax.set_xticks([0, 1], [f"{8 * sum(primes_from(rows, 8)):,}" for rows in (17, 257)])
ax.set(
    xlabel="numbers in all tables", ylabel="facts known", xlim=(-0.3, 1.3), ylim=(0, 1)
)
ax.legend()
means = end.mean(2)
fig.set_label(
    "Facts known after training. With four heads, the mean rises from "
    f"{means[0, 1]:.0%} with small tables to {means[1, 1]:.0%} with large ones; "
    f"with one, from {means[0, 0]:.0%} to {means[1, 0]:.0%}."
)
assert curves[0][-1].min() > 0.95 > curves[1][-1].max() + 0.1
assert (grid.losses[3] < wide.losses - 0.1).all()
assert curves[2][-1].max() < 0.5
assert (end[:, 1].min(1).values > end[:, 0].max(1).values + 0.05).all()
measured = dict(zip(("memory", "wide", "plain"), known, strict=True))
measured |= {"memory_low": curves[0][-1].min(), "wide_high": curves[1][-1].max()}
measured |= {"few_1": means[0, 0], "few_4": means[0, 1], "many_1": means[1, 0]}
measured["thousands"] = grid.parameters[3] / 1000
measured["wide_thousands"] = wide.parameters[0] / 1000
measured["plain_thousands"] = plain.parameters[0] / 1000
