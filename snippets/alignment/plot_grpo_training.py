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
WIDTH, BATCHES, PROMPTS, GROUP = 32, 60, 16, 16


def compared_with_batch(rewards):
    """Advantages as if all answers of the batch belonged to one prompt."""
    return group_advantages(rewards.view(1, -1)).view_as(rewards)


def learn(seed, advantages):
    """Rewards of all batches: batches, prompts, answers."""
    torch.manual_seed(seed)
    policy = DigitPolicy(WIDTH)
    sizes = {"batches": BATCHES, "prompts": PROMPTS, "group": GROUP}
    drawn = train(policy, grpo_loss, **sizes, advantages=advantages)
    return torch.stack([batch.rewards.view(PROMPTS, GROUP) for batch in drawn])


ways = {"group": group_advantages, "batch": compared_with_batch}
rewards = torch.stack(
    [torch.stack([learn(seed, way) for seed in SEEDS]) for way in ways.values()]
)
right = rewards.mean(dim=(3, 4))  # ways, seeds, batches
end = right[..., -10:].mean(dim=-1)
one_way = rewards[0]
dead = dead_groups(one_way.flatten(0, 2)).view(one_way.shape[:3])
all_right = (dead & (one_way[..., 0] == 1)).double().mean(dim=-1)
all_wrong = (dead & (one_way[..., 0] == 0)).double().mean(dim=-1)
above = {"loc": "lower center", "bbox_to_anchor": (0.5, 1)}


def smooth(values):
    """Mean of five batches that follow each other."""
    return values.unfold(-1, 5, 1).mean(dim=-1)


fig, (left, side) = plt.subplots(1, 2, figsize=(6.8, 3.5), layout="constrained")
place = range(5, BATCHES + 1)
names = ["same prompt (GRPO)", "whole batch"]
for n, (name, runs) in enumerate(zip(names, smooth(right), strict=True)):
    lines = left.plot(place, runs.T, f"C{n}" + ["-", "--"][n])
    lines[0].set_label(name)
left.set(xlabel="batches", ylabel="right answers, share", ylim=(0, 1))
left.legend(title="compared with", **above)
shares = {"all wrong": all_wrong, "all right": all_right}
for n, (name, share) in enumerate(shares.items(), 2):
    lines = side.plot(place, smooth(share).T, f"C{n}" + ["-", "-", ":", "-."][n])
    lines[0].set_label(name)
side.set(xlabel="batches", ylabel="groups, share", ylim=(0, 1))
side.legend(title="dead groups (GRPO)", **above)
fig.set_label(
    "Left: right answers in the last ten batches, three runs each. Compared with the "
    f"same prompt: {', '.join(f'{x:.0%}' for x in end[0])}; with the whole batch: "
    f"{', '.join(f'{x:.0%}' for x in end[1])}. Right: groups whose answers are all "
    f"wrong fall from {all_wrong[:, :5].mean():.0%} to {all_wrong[:, -5:].mean():.0%}; "
    f"groups whose answers are all right rise to {all_right[:, -5:].mean():.0%}."
)
measured = {"first": right[0, :, 0].mean(), "same": end[0].mean()}
measured |= {"same_low": end[0].min(), "batch_high": end[1].max()}
measured |= {"wrong_first": all_wrong[:, :5].mean()}
measured |= {"wrong_last": all_wrong[:, -5:].mean()}
measured |= {"right_last": all_right[:, -5:].mean()}
assert measured["same_low"] > measured["batch_high"] + 0.05
assert min(measured["wrong_first"], measured["right_last"]) > 0.5
