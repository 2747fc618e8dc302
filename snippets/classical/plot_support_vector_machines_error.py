"""
Separating lines with a larger margin make fewer errors on new points
=====================================================================

A figure of :doc:`/classical/support_vector_machines`: lines that separate 20 training
points, and their errors on 2000 new ones, means of 400 training sets. Left: random
lines, by their margin. Right: the random lines, the SVM, and the mean of the lines.
"""

import matplotlib.pyplot as plt
import numpy as np

from snippets.classical.support_vector_machines import linear_svm, margin

rng = np.random.default_rng(0)
angles = np.linspace(0, 2 * np.pi, 4000, endpoint=False)
compass = np.column_stack([np.cos(angles), np.sin(angles)])


def hidden_line():
    """Points of the unit disc, labeled by a line through it."""
    radius, turn = np.sqrt(rng.random(2020)), rng.integers(4000, size=2020)
    points = radius[:, None] * compass[turn]
    above = points @ compass[rng.integers(4000)] > rng.uniform(-0.5, 0.5)
    return points, np.where(above, 1, -1)


def two_clouds():
    """Of standard deviation 1, their centers 5 apart."""
    labels = np.where(np.arange(2020) % 2, 1, -1)
    return rng.normal(size=(2020, 2)) + 2.5 * labels[:, None] * compass[0], labels


def compare(draw):
    """Margins of 100 lines, as shares of the largest; errors of all in percent."""
    gap = np.zeros(1)
    while gap.max() < 0.01:  # drawn again where no line separates two classes
        points, labels = draw()
        few, sides, new, new_sides = points[:20], labels[:20], points[20:], labels[20:]
        if abs(sides.sum()) < 20:
            along = compass @ few.T
            low, high = along[:, sides < 0].max(axis=1), along[:, sides > 0].min(axis=1)
            gap = np.maximum(high - low, 0)
    drawn = rng.choice(len(compass), 100, p=gap / gap.sum())  # evenly from all lines
    normals, offsets = compass[drawn], rng.uniform(low[drawn], high[drawn])
    near = (sides[:, None] * (few @ normals.T - offsets)).min(axis=0)
    weight, bias, _ = linear_svm(few, sides, tolerance=1e-3)
    normals = np.vstack([normals, weight, normals.mean(axis=0)])
    offsets = np.append(offsets, [-bias, offsets.mean()])
    wrong = (new @ normals.T > offsets) != (new_sides[:, None] > 0)
    return near / margin(weight, bias, few, sides), 100 * wrong.mean(axis=0)


fig, (ax, right) = plt.subplots(1, 2, figsize=(6.2, 3.3), sharey=True)
measured, told = {}, []
for number, (draw, name) in enumerate([(hidden_line, "line"), (two_clouds, "clouds")]):
    runs = zip(*[compare(draw) for _ in range(400)], strict=True)
    shares, errors = map(np.array, runs)
    lines, svm, center = errors[:, :100], errors[:, 100], errors[:, 101]
    for gain in (lines.mean(axis=1) - svm, svm - center):
        assert gain.mean() > 2 * gain.std() / np.sqrt(400)
    tenth = np.ceil(10 * shares).clip(1, 10)
    curve = [lines[tenth == n].mean() for n in range(1, 11)]
    means = [lines.mean(), svm.mean(), center.mean()]
    measured[f"svm_over_random_{name}"] = means[1] / means[0]
    measured[f"center_over_svm_{name}"] = means[2] / means[1]
    told.append("{:.1f}, {:.1f} and {:.1f} %".format(*means))
    ax.plot(np.arange(0.05, 1, 0.1), curve, "o-", ms=4)
    bars = right.bar(np.arange(3) + 0.4 * number, means, 0.36)
    right.bar_label(bars, fmt="%.1f", fontsize="small")
fig.set_label(
    "Left: the error of random separating lines falls as their margin grows. Right: "
    f"errors of a random line, the SVM and the mean of the lines: {told[0]} for points "
    f"labeled by a hidden line, {told[1]} for two clouds."
)
ax.legend(["hidden line", "two clouds"], fontsize="small", loc="lower left")
ax.set(xlabel="margin / largest margin", ylabel="error on new points (%)", ylim=0)
right.set_xticks(np.arange(3) + 0.2, ["random", "SVM", "mean"], fontsize="small")
