"""
A network learns from its reward, and forgets all right answers but one
=======================================================================

A figure of :doc:`/alignment/policy_gradients`: the share of right answers to one prompt
while three recurrent networks learn by RLOO, and the answers that they end with.
"""

import matplotlib.pyplot as plt
import numpy as np
import torch

from snippets.alignment.digit_policy import DIGITS, LONGEST, DigitPolicy, digit_reward
from snippets.alignment.policy_gradients import leave_one_out, policy_gradient_loss

PROMPT, STARTS, ANSWERS, UPDATES, RATE, TRIALS = 12, (0, 1, 2), 64, 45, 0.02, 1000
prompts, many = torch.full((ANSWERS,), PROMPT), torch.full((TRIALS,), PROMPT)


def right_answers(policy: DigitPolicy) -> list[str]:
    """The right ones among many answers of a policy."""
    tokens, _, mask = policy.sample(many)
    right = digit_reward(many, tokens) > 0
    rows = zip(tokens[right].tolist(), mask[right].sum(1).tolist(), strict=True)
    return ["+".join(map(str, row[: length - 1])) for row, length in rows]


ways, strings = np.ones(1), 0.0  # strings of digits, by their sum
for _ in range(LONGEST - 1):
    ways = np.convolve(ways, np.ones(DIGITS))
    strings += ways[PROMPT] if len(ways) > PROMPT else 0
curves, before, after = [], [], []
for start in STARTS:
    torch.manual_seed(start)
    policy = DigitPolicy(32)
    adam = torch.optim.Adam(policy.parameters(), RATE)
    before.append(right_answers(policy))
    curves.append([])
    for _ in range(UPDATES):
        answers = policy.sample(prompts)
        rewards = digit_reward(prompts, answers.tokens)
        log_probs = policy.log_probs(prompts, answers.tokens)
        advantages = rewards - leave_one_out(rewards)
        loss = policy_gradient_loss(log_probs, advantages, answers.mask)
        adam.zero_grad()
        loss.backward()
        adam.step()
        curves[-1].append(rewards.mean())
    after.append(right_answers(policy))

favorites = [max(set(found), key=found.count) for found in after]

fig, ax = plt.subplots(figsize=(6.2, 2.7), layout="constrained")
for number, (curve, found) in enumerate(zip(curves, after, strict=True)):
    most = favorites[number]
    style = f"C{number}" + ("-", "--", ":")[number]
    ax.plot(range(UPDATES), curve, style, label=f"{most}: {found.count(most)} times")
ax.set(xlabel="updates", ylabel="right answers", ylim=(-0.03, 1.03))
ax.legend(title=f"{TRIALS} answers after training", fontsize=9, loc="center right")
right = min(len(found) for found in after) / TRIALS
share = [len(found) / TRIALS for found in before]
kinds = [len(set(found)) for found in before], [len(set(found)) for found in after]
fig.set_label(
    f"Three curves rise from about {np.mean(share):.1%} right answers to at least "
    f"{right:.1%}. Afterwards, the networks write "
    f"{', '.join(favorites)}, and at most {max(kinds[1])} different right answers each."
)
measured = {"untrained": np.mean(share), "right": right, "strings": strings}
assert right > 0.98
assert max(kinds[1]) == 1 < 5 < min(kinds[0])
