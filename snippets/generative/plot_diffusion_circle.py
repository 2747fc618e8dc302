"""
Guidance, with networks that learned the noise and with exact predictions
=========================================================================

A figure of :doc:`/generative/diffusion`: what classifier-free guidance does to eight
labelled groups of points. The same networks also sample with few steps.
"""

import matplotlib.pyplot as plt
import torch

from snippets.generative import circle_denoisers as nets
from snippets.generative import labelled_circle as circle
from snippets.generative.diffusion import sample_ddim, sample_ddpm
from snippets.generative.noise_schedules import linear_schedule

SEEDS, COUNT, SCALES = 3, 800, [1, 2, 4]
BOTH, NULL, EXACT = "both learned", "null learned", "both exact"
alpha_bar = linear_schedule(100, 1e-4, 0.1)
model, losses = nets.train(alpha_bar, SEEDS, updates=2000, batch=256)
net, best = nets.learned(model), nets.exact(alpha_bar)
random = torch.Generator().manual_seed(0)
label = torch.arange(circle.CLASSES).repeat(SEEDS, COUNT // circle.CLASSES)


def start():
    return torch.randn(*label.shape, 2, generator=random)


def each(measure, points):
    return torch.stack([measure(x, y) for x, y in zip(points, label, strict=True)])


def distance(x, y):
    return circle.mmd2(x, circle.draw_points(2000, random).x)


kinds = {BOTH: (net, net), NULL: (net, best), EXACT: (best, best)}
measures = (circle.class_std, circle.mean_radius, circle.accuracy, distance)
drawn, found = {}, {}  # found: standard deviation, radius, accuracy and MMD
for name, pair in kinds.items():
    for scale in [0, *SCALES, 8] if name == BOTH else SCALES:
        predict = nets.guided(*pair, label, scale, alpha_bar)
        x = sample_ddpm(predict, start(), alpha_bar, random)
        drawn[name, scale] = x[0]
        found[name, scale] = [each(measure, x) for measure in measures]

fig = plt.figure(figsize=(7, 5.4), layout="constrained")
axes = fig.subplot_mosaic([[0, 0, 1, 1, 2, 2], [3, 3, 3, 4, 4, 4]])
for key, (name, scale) in enumerate([(BOTH, 1), (BOTH, 4), (EXACT, 4)]):
    axes[key].scatter(*drawn[name, scale].T, s=2, c=label[0], cmap="tab10")
    axes[key].set(xlim=(-3.4, 3.4), ylim=(-3.4, 3.4), xticks=[], yticks=[])
    axes[key].set(aspect="equal")
    axes[key].set_title(f"{name}, scale {scale}", fontsize="medium")
for ax, i, true in ((axes[3], 0, circle.STD), (axes[4], 1, circle.RADIUS)):
    for name, style in zip(kinds, ("C0o-", "C1s--", "C2^:"), strict=True):
        rows = torch.stack([found[name, scale][i] for scale in SCALES])
        ax.plot(SCALES, rows, style, markersize=4)[0].set_label(name)
    ax.axhline(true, color="0.5")
    ax.set(xlabel="guidance scale", xticks=SCALES)
axes[3].set(ylabel="std. deviation of a class", ylim=(0, 0.42))
axes[4].set(ylabel="distance from the origin", ylim=(1.9, 2.4))
handles = axes[4].get_legend_handles_labels()
fig.legend(*handles, title="predictions", loc="outside lower center", ncols=3)
mean = {key: [row.mean() for row in rows] for key, rows in found.items()}
fig.set_label(
    "Above, eight groups of points: disks that touch, dots, and disks apart. "
    "Below, for scales 1 and 4: standard deviation of a class, and distance of its "
    "mean from the origin. "
    + "".join(
        f"{n.capitalize()}: {mean[n, 1][0]:.2f} and {mean[n, 4][0]:.2f}; "
        f"{mean[n, 1][1]:.2f} and {mean[n, 4][1]:.2f}. "
        for n in kinds
    )
)
measured = {f"std_{w}": mean[BOTH, w][0] for w in (1, 4)}
measured |= {"std_null_4": mean[NULL, 4][0], "std_exact_4": mean[EXACT, 4][0]}
spreads = [found[n, w][0].max() - found[n, w][0].min() for n in kinds for w in SCALES]
measured["far_8"] = found[BOTH, 8][1].max()
measured["spread"] = max(spreads)
measured |= {"right_1": mean[BOTH, 1][2], "right_2": mean[BOTH, 2][2]}
measured |= {"no_label_mmd": mean[BOTH, 0][3]}
measured |= {"loss": losses[-200:].mean(), "loss_least": nets.least_loss(alpha_bar)}
predict = nets.guided(net, net, label, 1, alpha_bar)
for n in (5, 20):
    x = sample_ddim(predict, start(), alpha_bar, n)
    measured[f"ddim_mmd_{n}"] = each(distance, x).mean()
    if n == 5:
        measured["ddim_std_5"] = each(circle.class_std, x).mean()
        measured["ddim_right_5"] = each(circle.accuracy, x).mean()
real = [circle.draw_points(COUNT, random) for _ in range(8)]
measured["real_right"] = torch.stack([circle.accuracy(*x) for x in real]).mean()
measured["real_mmd"] = max(distance(*points) for points in real)
measured["noise_mmd"] = distance(start()[0], label[0])
assert found[BOTH, 1][2].min() > 0.95
assert mean[BOTH, 4][0] < 0.5 * mean[BOTH, 1][0]
assert min(found[EXACT, 4][0]) > 0.7 * max(found[EXACT, 1][0])
assert measured["far_8"] > 3
