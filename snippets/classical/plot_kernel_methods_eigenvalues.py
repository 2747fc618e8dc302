"""
The Gram matrix of a sigmoid has negative eigenvalues, so it is not a kernel
============================================================================

A figure of :doc:`/classical/kernel_methods`: Gram matrices of 60 points of two moons,
one class after the other, and their eigenvalues, for two kernels and a sigmoid. And
errors on 4000 new points, with settings from cross-validation on 200, means of three
draws.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import make_moons
from sklearn.model_selection import GridSearchCV
from sklearn.svm import SVC

from snippets.classical.kernel_methods import gaussian


def moons(samples, seed):
    points, kinds = make_moons(samples, noise=0.3, random_state=seed)
    return points - [0.5, 0.25], 2 * kinds - 1


points, labels = moons(60, seed=0)
points = points[np.lexsort([points[:, 0], labels])]
grams = {
    "dot product": points @ points.T,
    "Gaussian": gaussian(points, points, gamma=1),
    r"tanh($x \cdot z - 1$)": np.tanh(points @ points.T - 1),
}
spectra = [np.linalg.eigvalsh(K)[::-1] for K in grams.values()]
assert np.count_nonzero(spectra[0] > 1e-9) == 2
assert spectra[1][-1] > -1e-9
assert spectra[2][-1] < -10

new, new_labels = moons(4000, seed=9)
grid = {"C": np.geomspace(0.1, 1000, 5), "gamma": np.geomspace(0.01, 100, 5)}
errors = []
for seed in range(3):
    train = moons(200, seed)
    rbf = GridSearchCV(SVC(kernel="rbf"), grid, cv=5).fit(*train)
    wider = grid | {"coef0": [-1, 0, 1]}
    sigmoid = GridSearchCV(SVC(kernel="sigmoid"), wider, cv=5).fit(*train)
    blind = SVC(kernel="sigmoid", gamma=1, coef0=-1, C=10).fit(*train)
    errors.append([1 - fit.score(new, new_labels) for fit in (rbf, sigmoid, blind)])
errors = np.array(errors)
gaps = errors[:, 1] - errors[:, 0]
assert np.all(gaps > 0)

fig, axes = plt.subplots(2, 3, figsize=(6.4, 4), layout="constrained", sharey="row")
fig.set_label(
    "Three Gram matrices and their eigenvalues. The matrix of dot products has two "
    "nonzero eigenvalues. Those of the Gaussian are all positive and fall fast. For "
    f"the tanh, {np.count_nonzero(spectra[2] < 0)} of the 60 eigenvalues are negative; "
    f"the lowest is {spectra[2][-1]:.0f}."
)
for (top, bottom), name, values in zip(axes.T, grams, spectra, strict=True):
    top.imshow(grams[name], cmap="viridis")
    top.set(title=name, xticks=[], yticks=[])
    for sign, color in [(1, "C0"), (-1, "C3")]:
        these = sign * values > 1e-9
        bottom.plot(np.arange(60)[these], values[these], "o", ms=3, color=color)
    bottom.set_yscale("symlog", linthresh=1e-3)
    bottom.set(ylim=(-200, 200), yticks=[-10, 0, 10], xlim=(-3, 62), xlabel="rank")
axes[1, 0].set_ylabel("eigenvalue")

measured = {
    "most_negative": spectra[2][-1],
    "most_positive": spectra[2][0],
    "gaussian_error": errors[:, 0].mean(),
    "sigmoid_error": errors[:, 1].mean(),
    "least_gap": 100 * gaps.min(),
    "largest_gap": 100 * gaps.max(),
    "blind_error": errors[:, 2].mean(),
}
