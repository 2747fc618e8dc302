"""
Longer answers against more answers, at equal tokens
====================================================

Figure of :doc:`/alignment/inference_scaling`: small networks add eight digits modulo
10, with a scratch-pad of 1, 2, 4 or 8 running sums. More tokens buy more votes.
"""

import matplotlib.pyplot as plt
import numpy as np
import torch

from snippets.alignment import running_sums as sums
from snippets.alignment.inference_scaling import vote

torch.manual_seed(1)  # with 0, the settings were chosen
RUNS, WIDTH, STEPS, BUDGET = 4, 16, 3000, 64
network = sums.RunningSums(RUNS, WIDTH)
sums.train(network, STEPS)
questions = torch.randint(10, (400, sums.DIGITS))
truth = (questions.sum(1) % 10).numpy()

accuracy, covered = {}, []
for stride in sums.STRIDES[::-1]:
    length = sums.DIGITS // stride
    drawn = sums.answer(network, questions, stride, BUDGET // length).numpy()
    votes = [2**n for n in range(7) if 2**n * length <= BUDGET]
    accuracy[length] = np.array(
        [[np.mean(vote(run, k) == truth) for run in drawn] for k in votes]
    )
    covered.append((drawn == truth[:, None]).any(axis=2).mean(axis=1))
covered = np.array(covered)
steps = {}
for stride in (1, 2):
    last, chunk, right = sums.single_tokens(RUNS, torch.full((20_000, 1), stride))
    chances = network(last, chunk).softmax(2).detach()
    steps[stride] = chances.gather(2, right[..., None]).mean((1, 2))
voted = np.array([values[-1] for values in accuracy.values()])  # lengths, runs

fig, (ax, side) = plt.subplots(1, 2, figsize=(6.8, 3.3), layout="constrained")
for n, (length, values) in enumerate(accuracy.items()):
    tokens = length * 2 ** np.arange(len(values))
    style = f"C{n}" + ["d:", "^-.", "s--", "o-"][n]
    ax.plot(tokens, values, style, lw=0.9, ms=0, alpha=0.6)
    ax.plot(tokens, values.mean(axis=1), style, ms=5, label=length)
ax.axhline(0.1, color="0.5", lw=0.8)
ax.set(xlabel="tokens for each question", ylabel="vote is right, share", xscale="log")
ax.set_xticks(2 ** np.arange(7), 2 ** np.arange(7))
ax.minorticks_off()
ax.set_ylim(0, 1.03)
ax.legend(title="tokens in\nan answer", fontsize="small", loc="center left")
for n, (name, share) in enumerate({"coverage": covered, "vote": voted}.items()):
    side.bar(np.arange(4) + 0.4 * n - 0.2, share.mean(axis=1), 0.38, color=f"C{4 + n}",
             yerr=[share.mean(axis=1) - share.min(axis=1),
                   share.max(axis=1) - share.mean(axis=1)], label=name)  # fmt: skip
side.set_xticks(range(4), accuracy)
side.set_yticks([0, 0.5, 1])
side.set(
    xlabel="tokens in an answer", ylabel=f"share at {BUDGET} tokens", ylim=(0, 1.3)
)
side.legend(fontsize="small", ncols=2, loc="upper center")
alone = {length: values[0].mean() for length, values in accuracy.items()}
fig.set_label(
    f"Left: one answer of 8 tokens is right for {alone[8]:.0%} of the questions, and "
    f"the vote of {BUDGET // 8} for {voted[3].mean():.0%}; answers of 4 tokens rise "
    f"from {alone[4]:.0%} to {voted[2].mean():.0%}; those of 2 and 1 tokens stay at "
    f"{voted[1].mean():.0%} and {voted[0].mean():.0%}. Right: coverage at {BUDGET} "
    f"tokens is {covered.mean(axis=1).min():.0%} or more for all lengths."
)
measured = {"long_8": accuracy[8][0].mean(), "long_64": voted[3].mean()}
measured |= {"long_low": accuracy[8][0].min(), "long_high": accuracy[8][0].max()}
measured |= {"direct_coverage": covered[0].mean()}
measured |= {"four_8": accuracy[4][1].mean(), "four_64": voted[2].mean()}
measured |= {"four_low": accuracy[4][1].min(), "four_high": accuracy[4][1].max()}
measured |= {"step_1": steps[1].mean().item(), "step_2": steps[2].mean().item()}
assert (accuracy[8][0] > accuracy[4][1] + 0.05).all()  # run by run, at 8 tokens
assert (voted[3] > voted[2] + 0.05).all()
assert (np.abs(voted[0] - 0.1) < 0.05).all()
assert (steps[1] ** 2 > steps[2] + 0.05).all()
assert voted[3].mean() > accuracy[8][0].mean() + 0.05
