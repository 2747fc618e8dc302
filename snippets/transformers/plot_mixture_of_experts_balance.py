"""
Loads under a balancing loss and under a bias
=============================================

Figures of :doc:`/transformers/mixture_of_experts`. Small mixtures of experts train
without balancing, with a balancing loss, and with a bias: the loads of the experts
while they train, then the error and the balance after training.
"""

import matplotlib.pyplot as plt
import torch
from matplotlib.animation import FuncAnimation

from snippets.transformers.cluster_mixtures import TOKENS, Rule, train
from snippets.transformers.expert_balance import max_violation
from snippets.transformers.mixture_of_experts import within_capacity

names = ["no rule", "loss, weight 0.1", "loss, weight 1", "bias, u = 0.001"]
rules = [Rule(), Rule(loss=0.1), Rule(loss=1.0), Rule(rate=0.001)]
trained = train(rules, seeds := [0, 1, 2], steps=1500)
error = trained.error.view(len(rules), -1)
violation = torch.stack([max_violation(load) for load in trained.load]).view_as(error)

window, shown = 60, [0, 2, 3]  # the first figure shows means over 60 steps
loads = trained.loads[:, [rule * len(seeds) for rule in shown]].double()
frames = list(loads.unfold(0, window, window).mean(dim=-1))
bars, axes = plt.subplots(1, 3, figsize=(5.4, 2.5), layout="constrained", sharey=True)
containers = []
for ax, rule in zip(axes, shown, strict=True):
    containers.append(ax.bar(range(8), frames[0][0], color=f"C{rule}"))
    ax.axhline(TOKENS * 2 / 8, ls="--", color="0.5")
    ax.set(xlabel="expert", ylim=(0, 80), xticks=range(8))
axes[0].set_ylabel("tokens of a batch")


def draw(number: int) -> None:
    number = min(number, len(frames) - 1)
    for i, rule in enumerate(shown):
        for bar, height in zip(containers[i], frames[number][i], strict=True):
            bar.set_height(height)
        axes[i].set_title(f"{names[rule]}\nstep {(number + 1) * window}", fontsize=10)


training = FuncAnimation(bars, draw, frames=len(frames) + 4, interval=350)
ranges = [f"{load.min():.1f} and {load.max():.1f}" for load in frames[-1]]
bars.set_label(
    "Bars for the loads of eight experts, while three mixtures train. In the end they "
    f"lie between {ranges[0]} tokens with no rule, between {ranges[1]} with a loss, "
    f"and between {ranges[2]} with a bias; a dashed line marks {TOKENS * 2 // 8}."
)

# %%
# Error and balance after training
# --------------------------------

fig, ax = plt.subplots(figsize=(5, 3), layout="constrained")
for x, y, name, marker in zip(violation, error, names, "os^D", strict=True):
    ax.plot(x, y, marker, label=name)
ax.set(xlabel="MaxVio (0: even loads)", ylabel="mean squared error")
ax.set(xlim=(0, None), ylim=(0, 1.1 * error.max()))
ax.legend()
means = zip(violation.mean(dim=1), error.mean(dim=1), names, strict=True)
parts = [f"{x:.2f} and {y:.3f} with {name}" for x, y, name in means]
fig.set_label(f"Three points per rule. Mean MaxVio and error: {'; '.join(parts)}.")
none, weak, strong, bias = range(4)
assert (error[none] < error[bias]).all()
assert (error[bias] < 0.9 * error[strong]).all()
assert error[bias].mean() < 1.1 * error[weak].mean()
uneven = violation.mean(dim=1)
assert uneven[bias] < 0.8 * uneven[weak] < 0.5 * uneven[none]
measured = {"guessing": trained.guessing.mean()}
for i, name in enumerate(("none", "weak", "strong", "bias")):
    measured |= {f"error_{name}": error[i].mean(), f"violation_{name}": uneven[i]}
measured["gain_strong_least"] = (1 - error[bias] / error[strong]).min()
batches = trained.index.view(len(rules), -1, TOKENS, 2)
for name, rule in (("none", none), ("bias", bias)):
    kept = torch.stack([within_capacity(index, 8, 32) for index in batches[rule]])
    measured[f"dropped_{name}"] = 1 - kept.double().mean()
assert measured["dropped_bias"] < measured["dropped_none"] / 1.5
