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

names = ["no rule", "loss, weight 0.1", "loss, weight 1", "bias, rate 0.003"]
rules = [Rule(), Rule(loss=0.1), Rule(loss=1.0), Rule(rate=0.003)]
trained = train(rules, seeds := [0, 1, 2])
error = trained.error.view(len(rules), -1)
violation = torch.stack([max_violation(load) for load in trained.load]).view_as(error)

# %%
# Loads while the first seed trains, means of 20 batches
# ------------------------------------------------------

window, shown = 20, [0, 2, 3]
loads = trained.loads[:, [rule * len(seeds) for rule in shown]].double()
frames = list(loads.unfold(0, window, window).mean(dim=-1))
bars, axes = plt.subplots(1, 3, figsize=(6.8, 2.7), layout="constrained", sharey=True)
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
ranges = [f"{load.min():.0f} and {load.max():.0f}" for load in frames[-1]]
bars.set_label(
    "Bars for the loads of eight experts, while three mixtures train. In the end they "
    f"lie between {ranges[0]} tokens without a rule, between {ranges[1]} with a loss, "
    f"and between {ranges[2]} with a bias; a dashed line marks {TOKENS * 2 // 8}."
)

# %%
# Error and balance after training
# --------------------------------

fig, ax = plt.subplots(figsize=(6, 3), layout="constrained")
for i, (name, marker) in enumerate(zip(names, "os^D", strict=True)):
    ax.plot(violation[i], error[i], marker, color=f"C{i}", label=name)
ax.set(xlabel="MaxVio (0: even loads)", ylabel="mean squared error")
ax.set(xlim=(0, None), ylim=(0, 1.1 * error.max()))
ax.legend()
none, weak, strong, bias = range(4)
fig.set_label(
    "Points for three seeds per rule. Mean MaxVio and error are "
    + "; ".join(
        f"{violation[i].mean():.2f} and {error[i].mean():.3f} with {names[i]}"
        for i in range(4)
    )
    + "."
)
assert (error[none] < error[bias]).all()
assert (error[bias] < error[weak]).all()
assert (error[bias] < error[strong]).all()
assert violation[bias].mean() < violation[weak].mean() < violation[none].mean() / 2
measured = {"guessing": trained.guessing.mean()}
for i, name in enumerate(("none", "weak", "strong", "bias")):
    measured[f"error_{name}"] = error[i].mean()
    measured[f"violation_{name}"] = violation[i].mean()
measured["gain_weak_least"] = (1 - error[bias] / error[weak]).min()
