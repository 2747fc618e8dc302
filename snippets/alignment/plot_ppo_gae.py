"""
One answer, and the advantage of each token
===========================================

Animation for :doc:`/alignment/ppo`: what a critic expects along a wrong answer, and
how generalized advantage estimation shares the blame, for lambda from 0 to 1.
"""

import matplotlib.pyplot as plt
import torch
from matplotlib.animation import FuncAnimation

from snippets.alignment.token_advantages import gae

names = ["5", "4", "9", "stop"]  # should add up to 12
values = torch.tensor([[0.5, 0.6, 0.7, 0.05]])
rewards, mask = torch.zeros(1, 4), torch.ones(1, 4).bool()
lams = torch.linspace(0, 1, 11).tolist()
found = torch.cat([gae(rewards, values, mask, lam=lam) for lam in lams])
places = torch.arange(4)

fig, (left, side) = plt.subplots(1, 2, figsize=(6.8, 2.7), layout="constrained")
left.step([*places - 0.5, 3.5], [*values[0], 0.0], "C0", where="post")
left.plot(places, values[0], "C0o")
left.plot(3.5, 0, "C3s")
left.text(2.62, 0.12, "reward", color="C3")
left.set(ylabel="value before the token", ylim=(-0.05, 1))
bars = side.bar(places, found[0], color="C0")
side.axhline(0, color="0.5", linewidth=0.8)
side.set(ylabel="advantage", ylim=(-0.8, 0.3))
label = side.text(0.05, 0.08, "", transform=side.transAxes)
for ax in (left, side):
    ax.set(xticks=places, xticklabels=names, xlabel="token")


def draw(frame):
    for bar, height in zip(bars, found[frame], strict=True):
        bar.set_height(height)
    label.set_text(rf"$\lambda$ = {lams[frame]:.2f}")
    return bars


draw(0)
back_and_forth = [*range(11), *range(9, 0, -1)]
animation = FuncAnimation(fig, draw, frames=back_and_forth, interval=250)


def listed(row):
    return ", ".join(f"{number:.2f}" for number in row)


fig.set_label(
    f"Left: the values before the four tokens are {listed(values[0])}, the reward 0. "
    f"Right: the advantages at lambda 0 are {listed(found[0])}; while lambda rises to "
    f"1, they change to {listed(found[-1])}."
)
assert found[0].argmin() == found[-1].argmin() == 2  # the token that is wrong
assert (found[0, :2] > 0).all()
assert (found[-1] < 0).all()
