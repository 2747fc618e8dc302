"""
Which method is better depends on how long one tunes
====================================================

The expected best accuracy of two classifiers, by the number of settings tried.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.svm import SVC

from snippets.practice.best_of_many import expected_best

# %%
# What to look for
# ----------------
# With few trials logistic regression is ahead, with many the support vector machine.

digits, labels = load_digits(return_X_y=True)
digits = digits / 16
budgets, seeds = np.arange(1, 31), range(3)
curves = np.zeros((2, len(seeds), len(budgets)))
winner, anew = np.zeros((2, 2, len(seeds)))
for seed in seeds:
    train, rest, y, y_rest = train_test_split(
        digits, labels, train_size=300, stratify=labels, random_state=seed
    )
    held_out, y_held_out = rest[:500], y_rest[:500]
    rng = np.random.default_rng(seed)
    models = [[], []]
    for _ in range(40):
        C = 10 ** rng.uniform(-3, 3)
        models[0].append(LogisticRegression(C=C, max_iter=300))
        models[1].append(SVC(C=C, gamma=10 ** rng.uniform(-4, 2)))
    for i, own in enumerate(models):
        found = [model.fit(train, y).score(held_out, y_held_out) for model in own]
        curves[i, seed] = [expected_best(np.array(found), n) for n in budgets]
        winner[i, seed] = max(found)
        best = own[np.argmax(found)]
        anew[i, seed] = best.score(rest[500:], y_rest[500:])
ahead = curves[1] > curves[0]
crossing = budgets[ahead.argmax(axis=1)]
assert not ahead[:, 0].any()
assert (ahead == (budgets >= crossing[:, None])).all()  # they cross once
assert (anew[1] > anew[0]).all()
drop = winner - anew

fig, ax = plt.subplots(figsize=(7, 4.2), layout="constrained")
for name, own, color in zip(
    ("logistic regression", "support vector machine"), curves, ("C0", "C1"), strict=True
):
    for seed, curve in enumerate(own):
        ax.plot(budgets, curve, color=color, label=None if seed else name)
ax.set(xlabel="settings tried", ylabel="expected best held-out accuracy")
ax.legend(loc="lower right")
low, high = curves[:, :, 0].min(axis=1), curves[:, :, 0].max(axis=1)
fig.set_label(
    f"Three curves for each of two classifiers. Logistic regression begins at "
    f"{low[0]:.2f} to {high[0]:.2f}, the support vector machine at {low[1]:.2f} to "
    f"{high[1]:.2f}. The second is ahead from {crossing.min()} to {crossing.max()} "
    "settings on."
)

measured = {
    "crossing_low": crossing.min(),
    "crossing_high": crossing.max(),
    "linear_1": curves[0, :, 0].mean(),
    "svm_1": curves[1, :, 0].mean(),
    "linear_30": curves[0, :, -1].mean(),
    "svm_30": curves[1, :, -1].mean(),
    "drop": drop.mean(),
    "drop_error": drop.std(ddof=1) / drop.size**0.5,
    "linear_anew": anew[0].mean(),
    "svm_anew": anew[1].mean(),
}
