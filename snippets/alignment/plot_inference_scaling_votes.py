"""
Votes find the right answer only if it is the most frequent one
===============================================================

Figure of :doc:`/alignment/inference_scaling`: two questions that a model answers
rightly with the same chance, and how often a majority vote is right.
"""

import matplotlib.pyplot as plt
import numpy as np

from snippets.alignment.inference_scaling import vote

rng = np.random.default_rng(0)
TRIALS, VOTES = 1000, [1, 3, 7, 15, 31, 63, 127]
shares = {"spread errors": [0.4, 0.2, 0.2, 0.1, 0.1],
          "one common error": [0.4, 0.5, 0.1, 0.0, 0.0]}  # fmt: skip
names = ["right", "A", "B", "C", "D"]

curves = {}
for name, share in shares.items():
    answers = rng.choice(5, size=(TRIALS, max(VOTES)), p=share)
    curves[name] = [np.mean(vote(answers, k) == 0) for k in VOTES]

fig, (left, side) = plt.subplots(1, 2, figsize=(6.8, 2.9), layout="constrained")
for n, (name, share) in enumerate(shares.items()):
    left.bar(np.arange(5) + 0.4 * n - 0.2, share, 0.38, color=f"C{n}", label=name)
    side.plot(VOTES, curves[name], f"C{n}" + ["o-", "s--"][n], label=name)
left.set_xticks(range(5), names)
left.set(xlabel="answer", ylabel="share of the answers", ylim=(0, 0.75))
side.set(xlabel="votes", ylabel="vote is right, share", xscale="log", ylim=(0, 1.03))
side.set_xticks(VOTES, VOTES)
side.minorticks_off()
left.legend(fontsize="small")
last = [curve[-1] for curve in curves.values()]
fig.set_label(
    f"Left: two questions, each answered rightly in {shares['spread errors'][0]:.0%} "
    "of the attempts. The first has four less frequent wrong answers, the second one "
    f"wrong answer of {shares['one common error'][1]:.0%}. Right: with {VOTES[-1]} "
    f"votes the first is answered rightly in {last[0]:.1%} of the trials, the second "
    f"in {last[1]:.0%}."
)
assert last[0] > 0.95
assert last[1] < 0.2
