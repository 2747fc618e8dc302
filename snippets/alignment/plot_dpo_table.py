"""
The reward that DPO learns, and the policy, on a table of 12 answers
====================================================================

A figure of :doc:`/alignment/dpo`: DPO on 60,000 comparisons gives the reward that made
the comparisons, and the best policy for it.
"""

import matplotlib.pyplot as plt
import numpy as np
import torch

from snippets.alignment.preference_table import draw_comparisons, fit_dpo
from snippets.alignment.reward_models import fit_scores

ANSWERS, COMPARISONS, BETA, RUNS = 12, 60_000, 0.5, 5

generator = torch.Generator().manual_seed(0)
runs = []
for _ in range(RUNS):
    drawn = torch.randn(2, ANSWERS, generator=generator, dtype=torch.float64)
    reward, ref_logp = drawn[0], (0.7 * drawn[1]).log_softmax(dim=-1)
    counts = draw_comparisons(reward, ref_logp, COMPARISONS, generator)
    learned = fit_dpo(counts, ref_logp, BETA)
    best = (ref_logp + reward / BETA).log_softmax(dim=-1)
    implicit = BETA * (learned - ref_logp)
    implicit, reward = implicit - implicit.mean(), reward - reward.mean()
    gap = (implicit - fit_scores(counts)).abs().max()
    runs.append((reward, implicit, ref_logp.exp(), learned.exp(), best.exp(), gap))
rewards, implicit, *policies, gaps = (torch.stack(x) for x in zip(*runs, strict=True))
reference, learned, best = policies
apart = (learned - best).abs().sum(dim=-1) / 2  # total variation
before = (reference - best).abs().sum(dim=-1) / 2
correlation = [np.corrcoef(a, b)[0, 1] for a, b in zip(rewards, implicit, strict=True)]

fig = plt.figure(figsize=(6.8, 3.1), layout="constrained")
left, right = fig.subplots(1, 2, width_ratios=[2, 3])
for run in range(RUNS):
    mark = "C0" + "ox^sv"[run]
    left.plot(rewards[run], implicit[run], mark, markersize=4, alpha=0.7)
ends = [rewards.min(), rewards.max()]
left.plot(ends, ends, color="0.5", linewidth=0.8)
left.set(xlabel="true reward, centered", ylabel="implicit reward, centered")
order, place = rewards[0].argsort(), torch.arange(ANSWERS)
right.bar(place - 0.2, best[0][order], 0.4, color="C0", alpha=0.5, label="best policy")
right.bar(place + 0.2, learned[0][order], 0.4, color="C1", label="DPO")
drawn = right.plot(place, reference[0][order], "_", color="0.5", ms=14, mew=2)
drawn[0].set_label("reference")
right.set(xlabel="answers, by true reward", ylabel="probability", xticks=[])
right.legend(loc="upper left")
top = best[0].argmax()
fig.set_label(
    f"Left: {RUNS * ANSWERS} points close to the diagonal; correlations of at least "
    f"{min(correlation):.4f}. Right, one data set: bars of DPO are about as high as "
    f"those of the best policy. The highest: DPO {learned[0][top]:.2f}, best policy "
    f"{best[0][top]:.2f}, reference {reference[0][top]:.2f}."
)
measured = {"correlation": min(correlation), "apart": apart.max()}
measured |= {"before": before.min(), "maximum_likelihood": gaps.max()}
assert measured["correlation"] > 0.99
assert measured["maximum_likelihood"] < 1e-3
assert measured["apart"] < 0.05 < 0.3 < measured["before"]
