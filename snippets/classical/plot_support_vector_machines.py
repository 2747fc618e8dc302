"""
Support vector machines: what the width of a street is good for
===============================================================

The figures of :doc:`/classical/support_vector_machines`: the widest street, what it
promises a perceptron, how it is found, what it promises for new points, and how few
points hold it.
"""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.animation import FuncAnimation
from scipy.spatial import ConvexHull
from sklearn.datasets import load_digits

from snippets.classical.support_vector_machines import (
    approach,
    hard_margin,
    leave_one_out,
    margin,
    mistake_bound,
    perceptron,
)


def directions(degrees):
    angles = np.radians(degrees)
    return np.column_stack([np.cos(angles), np.sin(angles)])


def streets(normals, points, labels):
    """Where the street across each direction begins and ends."""
    along = normals @ points.T
    return along[:, labels < 0].max(axis=1), along[:, labels > 0].min(axis=1)


def show(ax, points, labels):
    for label, color, marker in [(1, "C0", "o"), (-1, "C1", "s")]:
        ax.plot(*points[labels == label].T, marker, color=color, ms=6)
    ax.set(aspect="equal", xlabel="$x_1$", ylabel="$x_2$")


# %%
# One street is the widest
# ------------------------
# Each line on the left separates the six points. The dot of its color on the right says
# how wide a street runs in its direction; the curve says it for all directions.

points = np.array([[1, 1], [2, 2], [2, 0], [0, 0], [1, 0], [0, 1]])
labels = np.array([1, 1, 1, -1, -1, -1])
weight, bias, _ = hard_margin(points, labels)
sweep = np.linspace(-5, 70, 301)
begins, ends = streets(directions(sweep), points, labels)
assert abs(2 * margin(weight, bias, points, labels) - (ends - begins).max()) < 1e-3

fig, (ax, right) = plt.subplots(1, 2, figsize=(6.2, 3))
fig.set_label(
    "Left: six points and three separating lines; around the diagonal one lies the "
    "widest street, and four ringed points touch its edges. Right: the width of the "
    "street against the direction of its normal; it peaks at 45 degrees with 0.71."
)
right.plot(sweep, np.maximum(ends - begins, 0), color="0.5")
for angle, color in [(8, "C3"), (45, "C2"), (58, "C4")]:
    normal = directions([angle])
    (begin,), (end,) = streets(normal, points, labels)
    middle, along = (begin + end) / 2 * normal[0], normal[0] @ [[0, 1], [-1, 0]]
    ax.axline(middle, middle + along, color=color)
    right.plot(angle, end - begin, "o", color=color, ms=8)
ax.fill([-1, -1, 3, 3], [2, 3, -1, -2], color="C2", alpha=0.2, lw=0)
show(ax, points, labels)
ax.plot(*points[[0, 2, 4, 5]].T, "o", ms=13, mfc="none", mec="C2")
ax.set(xlim=(-0.5, 2.5), ylim=(-0.5, 2.5))
right.set(xlabel="angle of the normal (degrees)", ylabel="width of the street")
right.set(ylim=(0, 0.8), xticks=[0, 15, 30, 45, 60])

# %%
# What the margin promises a perceptron
# -------------------------------------
# Each dot is one of a hundred random sets, from wide streets to narrow ones.


def disc(samples):
    radius = np.sqrt(rng.random(samples))
    return radius[:, None] * directions(rng.uniform(0, 360, samples))


def draw(samples, gap=0.0):
    """Points of the unit disc on both sides of a random line, half a gap off."""
    (normal,), offset = directions([rng.uniform(0, 360)]), rng.uniform(-0.5, 0.5)
    while True:
        points = disc(4 * samples)
        points = points[np.abs(points @ normal - offset) >= gap / 2][:samples]
        labels = np.where(points @ normal > offset, 1, -1)
        if abs(labels.sum()) < samples:
            return points, labels, normal, offset


rng = np.random.default_rng(0)
mistakes, bounds, reached = [], [], []
for gap in np.geomspace(0.002, 1, 100):
    points, labels, *_ = draw(200, gap)
    weight, bias, _ = hard_margin(points, labels)
    learned, start, wrong = perceptron(points, labels, max_passes=10_000)
    mistakes.append(wrong)
    bounds.append(mistake_bound(weight, bias, points, labels))
    widest = margin(weight, bias, points, labels)
    reached.append(margin(learned, start, points, labels) / widest)
mistakes, bounds = np.array(mistakes), np.array(bounds)
assert np.all(mistakes <= bounds)
assert np.median(mistakes / bounds) < 0.1

fig, ax = plt.subplots(figsize=(6.2, 3.4))
fig.set_label(
    "A hundred dots, mistakes of a perceptron against its bound, on logarithmic axes. "
    "All lie below the diagonal, most of them by a factor of ten and more."
)
ax.loglog(bounds, mistakes, "o", ms=5)
ends = np.array([bounds.min(), bounds.max()])
ax.loglog(ends, ends, "--", color="0.5")
ax.annotate("as many as the bound", (ends[1], ends[1]), ha="right", va="bottom")
ax.set(xlabel=r"bound $(R / \gamma)^2$", ylabel="mistakes")

# %%
# How the street is found
# -----------------------
# Between the nearest points of two hulls runs a street. The point that lies deepest in
# it is let in, and the nearest points move, until nobody lies in the street.

rng = np.random.default_rng(5)
points, labels, *_ = draw(26, gap=0.2)
signed, positive = labels[:, None] * points, labels > 0
rounds, frames = list(approach(points, labels)), []
for number, shares in enumerate(rounds[:-1]):
    steps = [0, 0, 0, 0.25, 0.5, 0.75]
    frames += [(number, shares + t * (rounds[number + 1] - shares)) for t in steps]
frames += [(len(rounds) - 1, rounds[-1])] * 4
assert len(rounds) == 5

fig, ax = plt.subplots(figsize=(6.2, 4))
fig.set_label(
    "The convex hulls of two classes, and a segment from a point of one to a point of "
    "the other. The street across it holds points at first. Round by round the segment "
    "turns and shortens, until the street is empty and three points touch its edges."
)
for side, color in [(positive, "C0"), (~positive, "C1")]:
    corners = points[side][ConvexHull(points[side]).vertices]
    ax.fill(*corners.T, color=color, alpha=0.12, lw=0)
show(ax, points, labels)
ax.set(xlim=(-1.35, 1.35), ylim=(-1.05, 1.05), xticks=[-1, 0, 1], yticks=[-1, 0, 1])
(street,) = ax.fill([0] * 4, [0] * 4, color="C2", alpha=0.2, lw=0)
(segment,) = ax.plot([], [], color="C2", lw=3)
(active,) = ax.plot([], [], "o", ms=13, mfc="none", mec="C2")
(deepest,) = ax.plot([], [], "x", ms=13, mew=2.5, color="C3")


def update(frame):
    number, shares = frame
    ends = np.stack([shares[side] @ points[side] for side in (positive, ~positive)])
    normal = shares @ signed
    width = np.linalg.norm(normal)
    along = 3 / width * normal @ [[0, 1], [-1, 0]]
    street.set_xy([*(ends - along), *(ends[::-1] + along)])
    segment.set_data(*ends.T)
    active.set_data(*points[shares > 0].T)
    following = rounds[min(number + 1, len(rounds) - 1)]
    newest = (following > 0) & (rounds[number] == 0)
    deepest.set_data(*points[newest].T)
    text = "the cross is let in next" if newest.any() else "and nobody lies in it"
    ax.set_title(f"round {number + 1}: a street {width:.2f} wide, {text}")


animation = FuncAnimation(fig, update, frames, interval=400)
update(frames[-1])

# %%
# What the width promises for new points
# --------------------------------------
# Lines that separate 20 training points, and their error on new ones. Left: random
# lines, by the width of their street. Right: their mean, and three lines of choice.

compass = directions(np.linspace(0, 360, 4000, endpoint=False))


def random_lines(points, labels, count):
    """Normals and offsets, drawn evenly from all lines that separate."""
    begins, ends = streets(compass, points, labels)
    room = np.maximum(ends - begins, 0)
    drawn = rng.choice(len(compass), count, p=room / room.sum())
    return compass[drawn], rng.uniform(begins[drawn], ends[drawn])


def compare(points, labels, new, new_labels):
    """Widths of random lines, their errors, and those of three more, in percent."""
    weight, bias, _ = hard_margin(points, labels)
    learned, start, _ = perceptron(points, labels, max_passes=10_000)
    normals, offsets = random_lines(points, labels, 100)
    near = (labels[:, None] * (points @ normals.T - offsets)).min(axis=0)
    normals = np.vstack([normals, learned, weight, normals.mean(axis=0)])
    offsets = np.append(offsets, [-start, -bias, offsets.mean()])
    wrong = (new @ normals.T > offsets) != (new_labels[:, None] > 0)
    errors = 100 * wrong.mean(axis=0)
    return near / margin(weight, bias, points, labels), errors[:100], errors[100:]


def line():
    points, labels, normal, offset = draw(20)
    new = disc(2000)
    return compare(points, labels, new, np.where(new @ normal > offset, 1, -1))


def clouds():
    """Of standard deviation 1, their centers 5 apart; drawn again if not separable."""
    labels = np.where(np.arange(2000) % 2, 1, -1)
    while True:
        points = rng.normal(size=(2000, 2)) + 2.5 * labels[:, None] * compass[0]
        begins, ends = streets(compass, points[:20], labels[:20])
        if (ends - begins).max() > 0.01:
            return compare(points[:20], labels[:20], points[20:], labels[20:])


fig, (ax, right) = plt.subplots(1, 2, figsize=(6.2, 3.3), sharey=True)
fig.set_label(
    "Left: the error of random separating lines falls as their street widens, more so "
    "for two clouds than for points cut by a line. Right: bars, the errors of a random "
    "line, a perceptron, the widest street and the center of all lines, for both."
)
names, measured = ["random", "perceptron", "widest", "center"], {}
for number, world in enumerate([line, clouds]):
    runs = zip(*[world() for _ in range(400)], strict=True)
    shares, errors, chosen = map(np.array, runs)
    tenth = np.ceil(10 * shares).clip(1, 10)
    curve = [errors[tenth == n].mean() for n in range(1, 11)]
    gain = errors.mean(axis=1) - chosen[:, 1]
    assert gain.mean() > 4 * gain.std() / np.sqrt(400)
    assert 1.25 < curve[0] / curve[-1] < 1.5 or 3.2 < curve[0] / curve[-1] < 4.8
    means = [errors.mean(), *chosen.mean(axis=0)]
    names_here = [f"{world.__name__}_{name}" for name in names]
    measured |= dict(zip(names_here, means, strict=True))
    ax.plot(np.arange(0.05, 1, 0.1), curve, "o-", ms=4)
    bars = right.bar(np.arange(4) + 0.4 * number, means, 0.36)
    right.bar_label(bars, fmt="%.1f", fontsize="small")
ax.legend(["points cut by a line", "two clouds"], fontsize="small", loc="lower left")
ax.set(xlabel="street / widest street", ylabel="error on new points (%)", ylim=0)
right.set_xticks(np.arange(4) + 0.2, names, fontsize="small")
assert measured["line_center"] < measured["line_widest"]
assert measured["clouds_perceptron"] < 1.2 * measured["clouds_widest"]

# %%
# How few decide
# --------------
# Eights against each other digit, about 355 images of 64 pixels. In pale, the images
# that hold the border; in front, those that end up on the wrong side when left out.

digits, others = load_digits(), [0, 1, 2, 3, 4, 5, 6, 7, 9]
counts = []
for other in others:
    kept = np.isin(digits.target, [8, other])
    points, labels = digits.data[kept], np.where(digits.target[kept] == 8, 1, -1)
    held = np.count_nonzero(hard_margin(points, labels).multipliers)
    counts.append([held, leave_one_out(points, labels), len(points)])
held, missed, images = np.array(counts).T
assert np.all(missed <= held)
assert np.all(held < images / 10)

fig, ax = plt.subplots(figsize=(6.2, 3))
fig.set_label(
    "Bars for eights against each other digit: 17 to 33 support vectors, and in front "
    "of them the images that are misclassified when left out, none to nine."
)
ax.bar(range(9), held, 0.7, color="C0", alpha=0.35, label="support vectors")
ax.bar_label(ax.bar(range(9), missed, 0.7, color="C1", label="wrong when left out"))
ax.set_xticks(range(9), others)
ax.set(xlabel="eights against", ylabel="images")
ax.legend(ncols=2, loc="upper right")

measured |= {
    "largest_share_of_bound": (mistakes / bounds).max(),
    "median_share_of_bound": np.median(mistakes / bounds),
    "perceptron_margin": np.mean(reached),
    "first_street": np.linalg.norm(rounds[0] @ signed),
    "last_street": np.linalg.norm(rounds[-1] @ signed),
    "widest_over_random": measured["line_widest"] / measured["line_random"],
    "center_over_widest": measured["line_center"] / measured["line_widest"],
    "center_over_widest_in_clouds": measured["clouds_center"]
    / measured["clouds_widest"],
    "support_share": (held / images).mean(),
    "left_out_share": (missed / images).mean(),
    "left_out_over_support": (missed / held).max(),
}
