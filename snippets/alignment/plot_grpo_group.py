"""
The advantage of a right answer, and how often a group has none
===============================================================

Figure of :doc:`/alignment/grpo`: advantages in a group of eight answers, by the number
of right ones; and the share of dead groups, by the chance that an answer is right.
"""

import matplotlib.pyplot as plt
import torch

from snippets.alignment.grpo import dead_groups, group_advantages

torch.manual_seed(0)
GROUP, TRIALS = 8, 4000

right = torch.arange(GROUP + 1)
rewards = (torch.arange(GROUP) < right[:, None]).float()  # row n has n right answers
advantages = group_advantages(rewards)

chance = torch.linspace(0.02, 0.98, 25)
sizes = (4, 8, 16, 64)
shares = {}
for size in sizes:
    drawn = torch.rand(len(chance), TRIALS, size) < chance[:, None, None]
    dead = dead_groups(drawn.float().flatten(0, 1)).view(len(chance), TRIALS)
    shares[size] = dead.float().mean(dim=1)
    expected = chance**size + (1 - chance) ** size
    assert (shares[size] - expected).abs().max() < 0.04

fig, (left, side) = plt.subplots(1, 2, figsize=(6.8, 2.9), layout="constrained")
left.plot(right[1:], advantages[1:, 0], "C0o-")
left.plot(right[:-1], advantages[:-1, -1], "C1s--")
left.axhline(0, color="0.5", linewidth=0.8)
left.set(xlabel=f"right answers among {GROUP}", ylabel="advantage")
left.text(2.6, 1.7, "right answer", color="C0")
left.text(0.2, -1.5, "wrong answer", color="C1")
for n, (size, share) in enumerate(shares.items()):
    side.plot(chance, share, f"C{n}" + ["-", "--", "-.", ":"][n], label=f"G = {size}")
side.set(xlabel="chance of a right answer", ylabel="dead groups, share", ylim=(0, 1))
side.legend()
half = len(chance) // 2
fig.set_label(
    f"Left: the only right answer among eight has an advantage of "
    f"{advantages[1, 0]:.2f}, each of seven right ones {advantages[7, 0]:.2f}; the "
    f"only wrong one {advantages[7, -1]:.2f}. If none or all are right, advantages "
    f"are {advantages[0, -1]:.0f}. Right: shares of dead groups are lowest at a chance "
    f"of one half, {shares[4][half]:.2f} for groups of 4, and near 1 at both ends for "
    "small groups; larger groups are dead less often."
)
measured = {"only_right": advantages[1, 0], "most_right": advantages[7, 0]}
rare = (chance - 0.1).abs().argmin()
assert abs(chance[rare] - 0.1) < 1e-6
measured |= {"dead_8": shares[8][rare], "dead_64": shares[64][rare]}
