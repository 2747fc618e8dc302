"""
Coverage grows with the number of answers, and the picked answer lags behind
============================================================================

Figure of :doc:`/alignment/inference_scaling`: 400 simulated questions, five times, with
a right answer among N, and the answer that a vote or a verifier picks.
"""

import matplotlib.pyplot as plt
import numpy as np

from snippets.alignment.inference_scaling import best_of, vote

rng = np.random.default_rng(0)
QUESTIONS, RUNS, N = 400, 5, [1, 2, 4, 8, 16, 32, 64, 128, 256]
RIGHT, FALSE_ACCEPT = -1, 0.1
zipf = 1 / np.arange(1, 40) ** 1.6  # a few wrong answers are common
zipf /= zipf.sum()
size = QUESTIONS, max(N)


def shares(k):
    """Share of questions that each rule answers rightly, from the first k answers."""
    picked = [vote(answers, k), best_of(answers, accepted, k)]
    picked += [best_of(answers, right + noise, k) for noise in noises]
    found = [np.mean(answer == RIGHT) for answer in picked]
    return [right[:, :k].any(axis=1).mean(), *found]


runs, limits = [], []
for _ in range(RUNS):
    chance = rng.beta(0.6, 1.4, QUESTIONS)
    right = rng.random(size) < chance[:, None]
    answers = np.where(right, RIGHT, rng.choice(39, size=size, p=zipf))
    accepted = (right | (rng.random(size) < FALSE_ACCEPT)).astype(float)
    noises = [rng.normal(0, sigma, size) for sigma in (1, 2)]
    of_answer = rng.normal(0, 1, (QUESTIONS, 40))  # RIGHT, -1, is the last column
    noises.append(np.take_along_axis(of_answer, answers % 40, axis=1))
    runs.append([shares(k) for k in N])
    mode = np.mean(chance > (1 - chance) * zipf[0])
    limits.append([mode, np.mean(chance / (chance + (1 - chance) * FALSE_ACCEPT))])
mean, spread = np.mean(runs, axis=0), np.std(runs, axis=0, ddof=1)  # N, rules
limit = np.mean(limits, axis=0)

labels = ["coverage", "majority vote", "test, 10 % false accepts",
          "score, noise 1", "score, noise 2",
          "score, noise 1,\nsame for equal answers"]  # fmt: skip
fig, ax = plt.subplots(figsize=(6.8, 3.6), layout="constrained")
for rule in (0, 3, 2, 4, 1, 5):
    style = f"C{rule}" + ["o-", "s--", "^-.", "v:", "d-", "P--"][rule]
    ax.errorbar(N, mean[:, rule], spread[:, rule], fmt=style, ms=5, label=labels[rule])
ax.set(xscale="log", xlabel="answers to each question, N", ylabel="right, share")
ax.set_xticks(N, N)
ax.minorticks_off()
ax.set_ylim(0, 1)
fig.legend(loc="outside right center", fontsize="small")
last = "; ".join(f"{n} {x:.0%}" for n, x in zip(labels, mean[-1], strict=True))
peak = mean[:, 5].argmax()
fig.set_label(
    f"Six curves from {mean[0, 0]:.0%} at one answer. At {N[-1]} answers: "
    + last.replace("\n", " ")
    + f". The majority vote and the test are nearly level from {N[4]} answers on. The "
    f"last curve rises to {mean[peak, 5]:.0%} at {N[peak]} answers, and then falls."
)
measured = {"one": mean[0, 0], "coverage": mean[-1, 0]}
measured |= {"majority": mean[-1, 1], "majority_limit": limit[0]}
measured |= {"test": mean[-1, 2], "test_limit": limit[1]}
measured |= {"same_4": mean[2, 5], "same": mean[-1, 5]}
assert np.abs(mean[4:, 1:3] - limit).max() < 0.02
assert mean[-1, 0] > mean[-1, 3] + 0.2 > mean[-1, 4] + 0.3
assert mean[2, 5] > mean[0, 5] + 0.05 > mean[-1, 5] + 0.1
