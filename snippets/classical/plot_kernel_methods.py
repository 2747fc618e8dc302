"""
Kernel methods: what a mistake costs, and where the border bends
================================================================

The figures of :doc:`/classical/kernel_methods`: the street as its price changes,
borders that bend, what Gram matrices hold, how two multipliers settle, and two ways
around the Gram matrix.
"""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.animation import FuncAnimation
from sklearn.datasets import make_moons
from sklearn.model_selection import GridSearchCV
from sklearn.svm import SVC, LinearSVC

from snippets.classical.kernel_methods import (
    Machine,
    gaussian,
    most_gain,
    objectives,
    optimize,
    pegasos,
    random_features,
    soft_margin,
    steepest,
)


def moons(samples, seed):
    points, kinds = make_moons(samples, noise=0.3, random_state=seed)
    return points - [0.5, 0.25], 2 * kinds - 1


def show(ax, points, labels, size=5):
    for label, color, marker in [(1, "C0", "o"), (-1, "C1", "s")]:
        ax.plot(*points[labels == label].T, marker, color=color, ms=size, alpha=0.8)
    ax.set(xlim=(-2.3, 2.3), ylim=(-1.9, 1.9), xticks=[-2, 0, 2], yticks=[-1, 0, 1])


points, labels = moons(200, seed=0)
new, new_labels = moons(4000, seed=1)

# %%
# The street and its price
# ------------------------
# No line separates the moons. As mistakes get more expensive, the street narrows and
# turns; rings mark the points that hold it.

few, sides = points[:60], labels[:60]
caps = np.geomspace(0.01, 100, 13)
machines = [soft_margin(few @ few.T, sides, cap, tolerance=1e-6) for cap in caps]
weights = np.array([machine.signed @ few for machine in machines])
widths = 2 / np.linalg.norm(weights, axis=1)
held = np.array([np.count_nonzero(machine.signed) for machine in machines])
assert np.all(np.diff(widths) < 1e-3)
assert held[0] > 2 * held[-1]

fig, panels = plt.subplot_mosaic("AAB;AAC", figsize=(6.4, 3.6))
plane = panels["A"]
fig.set_label(
    "Left: two overlapping moons and the street between them, very wide at a price of "
    "0.01, when most points are ringed, and narrow at 100. Right: its width and the "
    "number of support vectors against the price, both falling and then level."
)
(street,) = plane.fill([0] * 4, [0] * 4, color="C2", alpha=0.2, lw=0)
(border,) = plane.plot([], [], color="C2", lw=2)
(rings,) = plane.plot([], [], "o", ms=10, mfc="none", mec="0.5")
show(plane, few, sides)
plane.set(xlabel="$x_1$", ylabel="$x_2$")
dots = []
for side, values, name in [("B", widths, "width"), ("C", held, "support vectors")]:
    panels[side].semilogx(caps, values, color="C2")
    panels[side].set(ylabel=name, ylim=(0, None), xticks=[0.01, 1, 100])
    dots += panels[side].plot([], [], "o", color="C3")
panels["B"].tick_params(labelbottom=False)
panels["C"].set(xlabel="price C")


def update(frame):
    weight, bias = weights[frame], machines[frame].bias
    along = 5 * weight @ [[0, 1], [-1, 0]] / np.linalg.norm(weight)
    upper, middle, lower = [(y - bias) * weight / (weight @ weight) for y in (1, 0, -1)]
    street.set_xy([upper - along, upper + along, lower + along, lower - along])
    border.set_data(*np.transpose([middle - along, middle + along]))
    rings.set_data(*few[machines[frame].signed != 0].T)
    dots[0].set_data(caps[[frame]], widths[[frame]])
    dots[1].set_data(caps[[frame]], held[[frame]])
    plane.set_title(f"C = {caps[frame]:.4g}: a street {widths[frame]:.2f} wide")


price = FuncAnimation(fig, update, range(len(caps)), interval=400)
update(len(caps) - 1)

# %%
# Borders that bend
# -----------------
# The Gaussian kernel, narrower from map to map, and the errors it makes.

gammas = np.geomspace(0.01, 1000, 16)


def fit(gamma, cap=10.0):
    """Errors on training points and on new ones, and the machine."""
    machine = soft_margin(gaussian(points, points, gamma), labels, cap)
    errors = []
    for asked, truth in [(points, labels), (new, new_labels)]:
        values = gaussian(asked, points, gamma) @ machine.signed + machine.bias
        errors.append((np.sign(values) != truth).mean())
    return *errors, machine


seen, unseen = np.array([fit(gamma)[:2] for gamma in gammas]).T
best = unseen.argmin()
assert 0 < best < 15
assert unseen[0] > unseen[best] + 0.04
assert unseen[-1] > 0.25 > 0.001 > seen[-1]

fig, axes = plt.subplots(2, 2, figsize=(6.4, 5), layout="constrained")
fig.set_label(
    "Three maps of the moons with their border: almost straight at gamma 0.01, along "
    "the moons at 1, islands around points at 100. Fourth, the error against gamma: on "
    "training points it falls to zero, on new ones it is lowest near 1."
)
grid = np.stack(np.meshgrid(np.linspace(-2.3, 2.3, 70), np.linspace(-1.9, 1.9, 60)), -1)
for ax, gamma in zip(axes.flat, (0.01, 1, 100), strict=False):
    *_, machine = fit(gamma)
    heights = gaussian(grid.reshape(-1, 2), points, gamma) @ machine.signed
    heights = heights.reshape(grid.shape[:2]) + machine.bias
    show(ax, points, labels, size=3)
    ax.contourf(*grid.transpose(2, 0, 1), heights, [-1, 1], colors=["C2"], alpha=0.2)
    ax.contour(*grid.transpose(2, 0, 1), heights, [0], colors=["C2"], linewidths=2)
    ax.set_title(rf"$\gamma$ = {gamma:g}, {np.count_nonzero(machine.signed)} hold it")
axes[1, 1].semilogx(gammas, 100 * seen, "o-", ms=3, label="training points")
axes[1, 1].semilogx(gammas, 100 * unseen, "s-", ms=3, label="new points")
axes[1, 1].set(xlabel=r"$\gamma$", ylabel="error (%)", ylim=(0, None))
axes[1, 1].legend()

# %%
# What Gram matrices hold
# -----------------------
# Above, sixty points against each other, one class after the other; below, the
# eigenvalues. A negative one says that no vectors have these dot products.

order = np.lexsort([few[:, 0], sides])
ordered = few[order]
grams = {
    "dot product": ordered @ ordered.T,
    "Gaussian": gaussian(ordered, ordered, gamma=1),
    r"tanh($x \cdot z - 1$)": np.tanh(ordered @ ordered.T - 1),
}
spectra = [np.linalg.eigvalsh(gram)[::-1] for gram in grams.values()]
assert np.count_nonzero(spectra[0] > 1e-9) == 2
assert spectra[1][-1] > -1e-9
assert spectra[2][-1] < -10

fig, axes = plt.subplots(2, 3, figsize=(6.4, 4), layout="constrained", sharey="row")
fig.set_label(
    "Three Gram matrices and their eigenvalues. Dot products: two positive "
    "eigenvalues. Gaussian: two blocks, all eigenvalues positive, falling fast. "
    "The tanh: half of its eigenvalues are negative, one of them large."
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

# %%
# How two multipliers settle
# --------------------------
# Each point says which bias it wants: at least as much (may rise) or at most as much
# (may fall). The two that disagree most are moved until they agree, or one is done.

trio, kinds = points[:18], labels[:18]
path = list(optimize(gaussian(trio, trio, 1), kinds, 2.0, steepest))
until = next(n for n, step in enumerate(path) if step.at_least - step.at_most < 0.01)
assert 20 < until < 60
coarse = grid[::2, ::2]
reach = gaussian(coarse.reshape(-1, 2), trio, 1)

fig, (bids, picture) = plt.subplots(1, 2, figsize=(6.4, 3.4))
fig.set_label(
    "Left: multipliers of eighteen points against the bias each wants. Step by step "
    "the band between the highest demand and the lowest limit shrinks to a line. "
    "Right: the border between the points bends into place meanwhile."
)
show(picture, trio, kinds, size=6)
crowd = [bids.plot([], [], m, color=c, ms=6)[0] for m, c in [("o", "C0"), ("s", "C1")]]
pair = [ax.plot([], [], "o", ms=13, mfc="none", mec="C3")[0] for ax in (bids, picture)]
band = bids.axvspan(-1, 1, color="C3", alpha=0.15, lw=0)
bids.set(xlim=(-2, 2), ylim=(-0.1, 2.1), xlabel="bias it wants", ylabel="multiplier")
picture.set(xlabel="$x_1$", ylabel="$x_2$")
lines = []


def advance(number):
    signed, wanted, at_least, at_most = path[number]
    moved = (path[number + 1].signed != signed) & (number < until)
    for dot, kind in zip(crowd, (1, -1), strict=True):
        dot.set_data(wanted[kinds == kind], np.abs(signed)[kinds == kind])
    pair[0].set_data(wanted[moved], np.abs(signed)[moved])
    pair[1].set_data(*trio[moved].T)
    band.set(x=at_most, width=at_least - at_most)
    while lines:
        lines.pop().remove()
    values = (reach @ signed + (at_least + at_most) / 2).reshape(coarse.shape[:2])
    axes = coarse.transpose(2, 0, 1)
    lines.append(picture.contour(*axes, values, [0], colors=["C2"], linewidths=2))
    bids.set_title(f"after {number} steps: {at_least - at_most:.2f} apart")


settling = FuncAnimation(fig, advance, [*range(16), until, until], interval=700)
advance(until)

# %%
# Around the Gram matrix
# ----------------------
# Left: the kernel from random waves. Right: a border from points drawn at random. Both
# come closer as the dotted lines predict.

rng = np.random.default_rng(0)
gram = gaussian(points, points, 1)
counts = 2 ** np.arange(3, 13)
off = []
for drawn in counts:
    for _ in range(5):
        waves = random_features(points, 1, int(drawn), rng)
        off.append(np.sqrt(np.mean((waves @ waves.T - gram) ** 2)))
off = np.array(off).reshape(-1, 5).mean(axis=1)
slope_off = np.polyfit(np.log(counts), np.log(off), 1)[0]

cap, ticks = 0.1, 2 ** np.arange(6, 14)
waves = random_features(points, 1, 100, rng)
judge = LinearSVC(loss="hinge", C=cap, fit_intercept=False, tol=1e-8, max_iter=10**6)
optimum = judge.fit(waves, labels).coef_[0]


def price_of(weight):
    missing = np.maximum(1 - labels * (waves @ weight), 0)
    return weight @ weight / 2 + cap * missing.sum()


gap = []
for steps in ticks:
    runs = [pegasos(waves, labels, cap, int(steps), rng) for _ in range(8)]
    gap.append(np.mean([price_of(run) for run in runs]) / price_of(optimum) - 1)
slope_gap = np.polyfit(np.log(ticks), np.log(gap), 1)[0]
assert -0.6 < slope_off < -0.4
assert -1.4 < slope_gap < -0.6

fig, (ax, right) = plt.subplots(1, 2, figsize=(6.4, 3), layout="constrained")
fig.set_label(
    "Two falling lines on logarithmic axes, each close to its dotted prediction: the "
    "error of the kernel against the number of random features, and the excess price "
    "against the number of points drawn."
)
ax.loglog(counts, off, "o-")
ax.loglog(counts, off[0] * (counts / counts[0]) ** -0.5, ":", color="0.5")
ax.set(xlabel="random features", ylabel="error of the kernel")
ax.set_yticks([0.01, 0.03, 0.1, 0.3], ["0.01", "0.03", "0.1", "0.3"])
ax.minorticks_off()
right.loglog(ticks, gap, "o-", color="C1")
right.loglog(ticks, gap[0] * ticks[0] / ticks, ":", color="0.5")
right.set(xlabel="points drawn", ylabel="price above the lowest")
right.set_yticks([0.001, 0.01, 0.1], ["0.1 %", "1 %", "10 %"])
right.minorticks_off()

# %%
# Pairs and indefinite kernels
# ----------------------------
# No figure: steps with either choice of a partner, and the best machine of two kernels,
# each chosen by cross-validation on the training points.


def steps_with(pick, gram, cap):
    path = enumerate(optimize(gram, labels, cap, pick))
    return next(n for n, step in path if step.at_least - step.at_most <= 1e-3)


ratios = []
for gamma in (0.01, 0.1, 1, 10, 100):
    gram = gaussian(points, points, gamma)
    for cap in (0.1, 1, 10, 100):
        steps = [steps_with(pick, gram, cap) for pick in (most_gain, steepest)]
        ratios.append(steps[0] / steps[1])
assert np.max(ratios) < 1.2
assert np.median(ratios) < 0.75

grids = {"C": np.geomspace(0.1, 1000, 5), "gamma": np.geomspace(0.01, 100, 5)}
bent = GridSearchCV(SVC(kernel="rbf"), grids, cv=5).fit(points, labels)
grids["coef0"] = [-1, 0, 1]
squashed = GridSearchCV(SVC(kernel="sigmoid"), grids, cv=5).fit(points, labels)
errors = [1 - search.score(new, new_labels) for search in (bent, squashed)]
blind = SVC(kernel="sigmoid", gamma=1, coef0=-1, C=10).fit(points, labels)
signed = np.zeros(200)
signed[blind.support_] = blind.dual_coef_[0]
gram = np.tanh(points @ points.T - 1)
machine = Machine(signed, float(blind.intercept_[0]))
_, below = objectives(gram, labels, 10.0, machine)
assert below > 2 * 10 * 200  # a bound on the price, above the price of doing nothing

measured = {
    "seen_wide": float(seen[0]),
    "unseen_wide": float(unseen[0]),
    "unseen_best": float(unseen[best]),
    "seen_narrow": float(seen[-1]),
    "unseen_narrow": float(unseen[-1]),
    "most_negative": float(spectra[2][-1]),
    "most_positive": float(spectra[2][0]),
    "steps_median": float(np.median(ratios)),
    "steps_fewest": float(np.min(ratios)),
    "steps_most": float(np.max(ratios)),
    "features_exponent": float(slope_off),
    "pegasos_exponent": float(slope_gap),
    "pegasos_last": float(gap[-1]),
    "gaussian_error": float(errors[0]),
    "sigmoid_error": float(errors[1]),
    "blind_error": float(1 - blind.score(new, new_labels)),
    "blind_bound": float(below),
}
