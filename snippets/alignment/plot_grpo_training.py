"""
Answers compared with their own group, or with the whole batch
==============================================================

Figure of :doc:`/alignment/grpo`: the share of right answers while small policies learn
to write digits that add up to a number, and how many groups of their batches were dead.
"""

import matplotlib.pyplot as plt
import torch

from snippets.alignment.digit_policy import DigitPolicy
from snippets.alignment.digit_training import train
from snippets.alignment.grpo import dead_groups, group_advantages, grpo_loss

SEEDS = (3, 4, 5)  # with 0 and 1, the settings were chosen
WIDTH, BATCHES, PROMPTS, GROUP = 32, 40, 16, 16


def group_mean(rewards):
    """Advantages from the mean of the group and the standard deviation of the batch."""
    return (rewards - rewards.mean(1, keepdim=True)) / (rewards.std() + 1e-4)


def batch_mean(rewards):
    """Advantages as if all answers of the batch belonged to one prompt."""
    return group_advantages(rewards.view(1, -1)).view_as(rewards)


def learn(seed, advantages):
    """Rewards of all batches: batches, prompts, answers."""
    torch.manual_seed(seed)
    policy = DigitPolicy(WIDTH)
    sizes = {"batches": BATCHES, "prompts": PROMPTS, "group": GROUP}
    drawn = train(policy, grpo_loss, **sizes, advantages=advantages)
    return torch.stack([batch.rewards.view(PROMPTS, GROUP) for batch in drawn])


ways = {"grpo": group_advantages, "group": group_mean, "batch": batch_mean}
rewards = torch.stack(
    [torch.stack([learn(seed, way) for seed in SEEDS]) for way in ways.values()]
)
right = rewards.mean(dim=(3, 4))  # ways, seeds, batches
end = right[..., -10:].mean(dim=-1)
dead = dead_groups(rewards[0].flatten(0, 2)).view(rewards.shape[1:4])
all_same = [(dead & (rewards[0, ..., 0] == x)).double().mean(dim=-1) for x in (0, 1)]


def draw(ax, values, n, name):
    """Means of five batches: a line for the mean run, a band from lowest to highest."""
    runs, style = values.unfold(-1, 5, 1).mean(dim=-1), ["-", "--", ":", "-.", "-"][n]
    place = range(5, BATCHES + 1)
    ax.fill_between(place, *runs.aminmax(dim=0), color=f"C{n}", alpha=0.2, linewidth=0)
    ax.plot(place, runs.mean(dim=0), f"C{n}{style}", label=name)


fig, (left, side) = plt.subplots(1, 2, figsize=(6.8, 3.7), layout="constrained")
for n, name in enumerate(["group, group (GRPO)", "group, batch", "batch, batch"]):
    draw(left, right[n], n, name)
for n, name in enumerate(["all wrong", "all right"]):
    draw(side, all_same[n], n + 3, name)
above = {"loc": "lower center", "bbox_to_anchor": (0.5, 1)}
left.set(xlabel="batches", ylabel="right answers, share", ylim=(0, 1))
left.legend(title="mean, standard deviation of", **above)
side.set(xlabel="batches", ylabel="groups, share", ylim=(0, 1))
side.legend(title="dead groups (GRPO)", **above)
first, (wrong, good) = all_same[0][:, :5].mean(), (x[:, -5:].mean() for x in all_same)
texts = [", ".join(f"{x:.0%}" for x in way) for way in end]
fig.set_label(
    f"Left: right answers in the last ten batches, three runs each. GRPO: {texts[0]}; "
    f"mean of the group and standard deviation of the batch: {texts[1]}; both of the "
    f"batch: {texts[2]}. Right: groups whose answers are all wrong fall from "
    f"{first:.0%} to {wrong:.0%}; groups with all answers right rise to {good:.0%}."
)
measured = {"first": right[0, :, 0].mean(), "last": end[0].mean()}
for name, (low, high) in zip(ways, zip(*end.aminmax(dim=1), strict=True), strict=True):
    measured |= {f"{name}_low": low, f"{name}_high": high}
measured |= {"wrong_first": first, "wrong_last": wrong, "right_last": good}
assert end[:2].mean(dim=1).min() > end[2].mean() + 0.15
assert min(first, good) > 0.35
