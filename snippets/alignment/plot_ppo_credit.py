"""
A critic that learns beside the policy, and how much it knows
=============================================================

Figure of :doc:`/alignment/ppo`: right answers while small policies learn to write
digits that add up to a number, and how well the trained critics predict the reward.
"""

import matplotlib.pyplot as plt
import torch

from snippets.alignment.digit_critic import DigitCritic, train
from snippets.alignment.digit_policy import LARGEST, DigitPolicy, digit_reward

SEEDS = range(3, 8)  # with 0, 1, and 2, the settings were chosen
WIDTH, BATCHES, EACH = 32, 40, 200


def judge(policy: DigitPolicy, critic: DigitCritic) -> tuple[torch.Tensor, ...]:
    """Rewards, values before the first and before the last token: prompts, answers."""
    prompts = torch.arange(1, LARGEST + 1).repeat_interleave(EACH)
    tokens, _, mask = policy.sample(prompts)
    with torch.no_grad():
        values = critic(prompts, tokens)
    last = values.gather(1, mask.sum(1, keepdim=True) - 1)
    found = (digit_reward(prompts, tokens), values[:, 0], last)
    return tuple(each.view(LARGEST, EACH) for each in found)


def explained(rewards: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
    """Share of the variance of the rewards that the values explain."""
    return 1 - (rewards - values).square().mean() / rewards.var(correction=0)


curves, shares, pairs = [], [], []
for seed in SEEDS:
    torch.manual_seed(seed)
    policy, critic = DigitPolicy(WIDTH), DigitCritic(WIDTH)
    curves.append(train(policy, critic, BATCHES))
    rewards, first, last = judge(policy, critic)
    means = rewards.mean(1, keepdim=True)
    shares.append([explained(rewards, each) for each in (first, means, last)])
    right = rewards == 1
    one_of_each = right[:, :, None] & ~right[:, None, :]  # of the same prompt
    pairs.append((last[:, :, None] > last[:, None, :])[one_of_each].double().mean())
curves, shares, pairs = map(torch.tensor, (curves, shares, pairs))

fig, (left, side) = plt.subplots(
    1, 2, figsize=(6.8, 3), layout="constrained", width_ratios=(1, 1.2)
)
smooth = curves.unfold(1, 5, 1).mean(dim=-1)
for n, curve in enumerate(smooth):
    left.plot(range(5, BATCHES + 1), curve, f"C{n}" + ["-", "--", "-."][n % 3])
left.set(xlabel="batches", ylabel="right answers, share", ylim=(0, 1))
names = ["critic, before the first token", "mean of the prompt's rewards",
         "critic, before the last token"]  # fmt: skip
for row, name in enumerate(names):
    for n, value in enumerate(shares[:, row]):
        side.plot(value, -row, f"C{n}" + "os^Dv"[n])
    side.text(0.02, -row + 0.15, name)
side.set(xlabel="explained variance, share", xlim=(0, 1.03), ylim=(-2.5, 0.6))
side.set_yticks([])
low, high = shares.min(0).values, shares.max(0).values
fig.set_label(
    f"Left: five curves rise from {smooth[:, 0].mean():.0%} right answers to between "
    f"{smooth[:, -1].min():.0%} and {smooth[:, -1].max():.0%}. Right: of the variance "
    f"of the rewards, the critics explain {low[0]:.0%} to {high[0]:.0%} before the "
    f"first token, the means of the prompts {low[1]:.0%} to {high[1]:.0%}, and the "
    f"critics {low[2]:.0%} to {high[2]:.0%} before the last token."
)
measured = {"first": curves[:, 0].mean(), "right": smooth[:, -1].mean()}
gaps = shares[:, 1] - shares[:, 0]
measured |= {"gap_middle": gaps.quantile(0.5), "gap_largest": gaps.max()}
measured |= {"open_low": 1 - high[1], "open_high": 1 - low[1]}
within = 1 - (1 - shares[:, 2]) / (1 - shares[:, 1])
measured |= {"within_low": within.min(), "within_high": within.max()}
measured |= {"pairs_low": pairs.min(), "pairs_high": pairs.max()}
assert measured["right"] > 0.6
assert measured["within_high"] < 0.5 < measured["pairs_low"]
assert (shares[:, 0] > 0.6 * shares[:, 1]).all()
