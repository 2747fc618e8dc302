"""
A policy that learns to edit its tests, and four defenses
=========================================================

A figure of :doc:`/alignment/agentic_reasoning`: proxy and true reward of a policy with
one hack among its choices; and the true reward at the end of training, by the share of
hacks that are caught.
"""

import matplotlib.pyplot as plt
import torch

from snippets.alignment import hackable_bandit as bandit

RUNS, SHOWN = 8, 80
RATES = torch.linspace(0, 1, 11)

free = bandit.train(bandit.undefended, torch.zeros(RUNS))
proxy = free.true + free.hack  # a hack has the proxy reward 1, and the true reward 0
grid = RATES.repeat_interleave(RUNS)
defenses = {
    "penalty 2": bandit.penalized(2.0),
    "penalty 1": bandit.penalized(1.0),
    "left out": bandit.screened,
}
ends = {
    name: bandit.train(d, grid).true.view(-1, 11, RUNS) for name, d in defenses.items()
}
safe = bandit.train(bandit.protected, torch.zeros(RUNS)).true

fig, (left, right) = plt.subplots(1, 2, figsize=(6.8, 3.3), layout="constrained")
for curves, color, line, name in (
    (proxy, "C1", "--", "proxy"),
    (free.true, "C0", "-", "true"),
):
    drawn = left.plot(curves[:SHOWN], color + line, linewidth=1)
    drawn[0].set_label(name)
left.set(xlabel="updates", ylabel="mean reward", ylim=(-0.03, 1.03))
left.legend()
last = {name: found[-1] for name, found in ends.items()}
for n, (name, found) in enumerate(last.items()):
    right.plot(RATES, found.mean(dim=1), f"C{n}" + ("o-", "x--", "^:")[n], label=name)
for penalty in (1, 2):  # where a hack is worth as much as the best honest method
    right.axvline(0.4 / penalty, color="0.5", linestyle=":")
right.set(xlabel="share of hacks caught", ylabel="true reward at the end")
right.legend(loc="center", bbox_to_anchor=(0.66, 0.5), handlelength=1.2)
half = {name: found[5] for name, found in last.items()}
fig.set_label(
    f"Left: the mean proxy reward rises from {proxy[0].mean():.2f} to "
    f"{proxy[SHOWN - 1].mean():.2f} in {SHOWN} updates, the true reward falls from "
    f"{free.true[0].mean():.2f} to {free.true[SHOWN - 1].mean():.2f}. Right: true "
    "reward at the end if half of the hacks are caught: "
    + ", ".join(f"{name} {found.mean():.2f}" for name, found in half.items())
)
measured = {"hacked": free.true[-1].max()}
assert proxy[-1].min() > 0.99
measured["found"] = (free.hack > 0.5).float().argmax(dim=0).max()
measured |= {"penalized": half["penalty 2"].min(), "protected": safe[-1].min()}
assert last["penalty 1"][3].max() < 0.05 < 0.55 < last["penalty 2"][3].min()
measured["left_out_most"] = last["left out"][9].max()
drift = (ends["penalty 2"][-1, 5] - ends["penalty 2"][-500, 5]).abs().max()
assert drift < 0.01  # the curve is level
assert measured["hacked"] < 0.05 < 0.5 < measured["penalized"]
assert measured["left_out_most"] < 0.05 < 0.55 < last["left out"][10].min()
