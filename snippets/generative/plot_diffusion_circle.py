"""
Guidance with exact and with learned predictions
================================================

A figure of :doc:`/generative/diffusion`: what classifier-free guidance does to eight
labelled groups of points. It depends on how well the null prediction is learned.
"""

import matplotlib.pyplot as plt
import torch

from snippets.generative import circle_denoisers as nets
from snippets.generative import labelled_circle as circle
from snippets.generative.diffusion_samplers import sample_ddim, sample_ddpm
from snippets.generative.noise_schedules import linear_schedule

SEEDS, COUNT, SCALES = 3, 800, [1, 2, 4]
alpha_bar = linear_schedule(100, 1e-4, 0.1)
random = torch.Generator().manual_seed(0)
label = torch.arange(circle.CLASSES).repeat(2 * SEEDS, COUNT // circle.CLASSES)
drop = torch.tensor([[0.1], [0.5]]).repeat_interleave(SEEDS, 0)  # share of null labels
model, losses = nets.train(alpha_bar, 2 * SEEDS, 2000, batch=256, drop=drop)
learned, exact = nets.learned(model), nets.exact(alpha_bar)


def sample(net, scale, label, count=None):
    x_T = torch.randn(*label.shape, 2, generator=random)
    predict = nets.guided(net, net, label, scale, alpha_bar)
    if count:
        return sample_ddim(predict, x_T, alpha_bar, count)
    return sample_ddpm(predict, x_T, alpha_bar, random)


names = {"exact": "exact", "tenth": "learned, 1/10 null", "half": "learned, 1/2 null"}
few = label[:SEEDS]  # labels of one kind of prediction
drawn, found = {}, {}
for w in [0, *SCALES]:
    x = torch.cat([sample(exact, w, few), sample(learned, w, label)])
    for kind, own in zip(names, x.split(SEEDS), strict=True):
        drawn[kind, w], found[kind, w] = own[0], circle.summarize(own, few, random)
mean = {key: circle.Summary(*(part.mean() for part in f)) for key, f in found.items()}

fig = plt.figure(figsize=(7, 5.2), layout="constrained")
axes = fig.subplot_mosaic("aabbccdd;eeeeffff")
pairs = [("exact", 1), *((kind, 4) for kind in names)]
for key, (kind, w) in zip("abcd", pairs, strict=True):
    axes[key].scatter(*drawn[kind, w].T, s=2, c=label[0], cmap="tab10")
    axes[key].set(xlim=(-6, 6), ylim=(-6, 6), xticks=[], yticks=[], aspect="equal")
    axes[key].set_title(f"{names[kind].split(', ')[-1]}, {w = }", fontsize="medium")
for key, part, true in (("e", "std", circle.STD), ("f", "radius", circle.RADIUS)):
    for kind, style in zip(names, ("C0o-", "C1s--", "C2^:"), strict=True):
        rows = torch.stack([getattr(found[kind, w], part) for w in SCALES])
        axes[key].plot(SCALES, rows, style, markersize=4)[0].set_label(names[kind])
    axes[key].axhline(true, color="0.5")
    axes[key].set(xlabel="guidance scale $w$", xticks=SCALES)
axes["e"].set(ylabel="std. deviation of a class", ylim=(0, 0.8))
axes["f"].set(ylabel="distance from the origin", ylim=(1.8, 3.1))
fig.legend(*axes["f"].get_legend_handles_labels(), loc="outside lower center", ncols=3)
text = "Above, samples. Below, standard deviation and radius for scales 1 and 4."
for kind, name in names.items():
    low, high = mean[kind, 1], mean[kind, 4]
    text += f" {name.capitalize()}: {low.std:.2f} and {high.std:.2f}; "
    text += f"{low.radius:.2f} and {high.radius:.2f}."
fig.set_label(text)
measured = {f"{kind}_std_4": mean[kind, 4].std for kind in names}
measured |= {f"{kind}_mmd_0": mean[kind, 0].mmd2 for kind in names}
measured |= {f"exact_right_{w}": mean["exact", w].right for w in (1, 2)}
measured |= {"exact_std_1": mean["exact", 1].std, "right": mean["tenth", 1].right}
measured["half_low"], measured["half_high"] = found["half", 4].std.aminmax()
least = nets.least_loss(alpha_bar)
measured |= {"loss": losses[-200:, :SEEDS].mean(), "loss_least": least}
measured |= {"real_right": circle.accuracy(*circle.draw_points(10_000, random))}
noise = circle.summarize(torch.randn(*few.shape, 2, generator=random), few, random)
measured |= {"noise_mmd": noise.mmd2.mean()}
for n in (5, 20):
    ddim = circle.summarize(sample(learned, 1, label, n)[:SEEDS], few, random)
    measured |= {f"ddim_std_{n}": ddim.std.mean(), f"ddim_right_{n}": ddim.right.mean()}
assert mean["tenth", 4].std < 0.5 * mean["tenth", 1].std
assert found["half", 4].std.min() > found["tenth", 4].std.max()
assert found["exact", 4].std.max() < 0.9 * found["exact", 1].std.min()
