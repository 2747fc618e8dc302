"""
Policies that minimize k1, k2, and k3
=====================================

Animation for :doc:`/alignment/grpo`: a normal distribution over 41 tokens is trained on
its own samples, with an estimator of its divergence from a reference as the only loss.
"""

import matplotlib.pyplot as plt
import torch
from matplotlib.animation import FuncAnimation

from snippets.alignment.answer_table import kl_divergence
from snippets.alignment.kl_estimators import k1, k2, k3

torch.manual_seed(0)
RUNS, STEPS, SAMPLES, EVERY = 20, 300, 64, 15
ESTIMATORS = {"k1": k1, "k2": k2, "k3": k3}
tokens = torch.arange(41.0)
bumps = torch.stack([-((tokens - m) ** 2) / (2 * 3**2) for m in (11.0, 29.0)])
ref = bumps.logsumexp(0).log_softmax(0)
means = torch.full((3, RUNS, 1), 17.0, requires_grad=True)
log_scales = torch.full((3, RUNS, 1), 4.0).log().requires_grad_()


def curves(centers, scales):
    """Log-probabilities of bell curves over the tokens."""
    return (-(((tokens - centers) / scales) ** 2) / 2).log_softmax(-1)


def divergences(logp):
    """KL(policy || ref) and KL(ref || policy) of each policy."""
    wide = ref.expand_as(logp)
    return kl_divergence(logp, wide), kl_divergence(wide, logp)


rates = [{"params": [means], "lr": 0.2}, {"params": [log_scales], "lr": 0.02}]
optimizer, frames, lines = torch.optim.Adam(rates), [], []
for step in range(STEPS + 1):
    logp = curves(means, log_scales.exp())
    if step % EVERY == 0:
        frames.append(logp.detach())
    drawn = torch.multinomial(logp.detach().exp().flatten(0, 1), SAMPLES, True)
    drawn = drawn.view(3, RUNS, SAMPLES)  # no gradient flows through them
    own, reference = logp.gather(2, drawn), ref[drawn]
    losses = [k(own[n], reference[n]) for n, k in enumerate(ESTIMATORS.values())]
    optimizer.zero_grad()
    sum(loss.mean(dim=1).sum() for loss in losses).backward()
    optimizer.step()
start, end = divergences(frames[0]), divergences(frames[-1])
grid = torch.linspace(0, 40, 81)[:, None, None], torch.linspace(1, 20, 96)[:, None]
best = [found.min() for found in divergences(curves(*grid))]

fig, axes = plt.subplots(1, 3, figsize=(6.8, 2.4), layout="constrained", sharey=True)
for n, (ax, name) in enumerate(zip(axes, ESTIMATORS, strict=True)):
    ax.fill_between(tokens, ref.exp(), color="0.5", alpha=0.3, linewidth=0)
    lines += ax.plot(tokens, frames[-1][n, :3].exp().T, f"C{n}")
    ax.set(title=f"loss: {name}", xlabel="token", ylim=(0, 0.16))
axes[0].set_ylabel("probability")


def draw(frame):
    shown = frames[frame][:, :3].exp().flatten(0, 1)
    for line, values in zip(lines, shown, strict=True):
        line.set_ydata(values)
    return lines


animation = FuncAnimation(fig, draw, frames=len(frames), interval=120)
fig.set_label(
    f"Gray: a reference with two bumps. After {STEPS} updates, policies trained on k1 "
    f"lie at different places between and on the bumps, with a mean divergence of "
    f"{end[0][0].mean():.2f} nats (start: {start[0][0, 0]:.2f}); with k2, they cover "
    f"one bump of the reference ({end[0][1].mean():.2f}); with k3, they are wide and "
    f"cover both ({end[0][2].mean():.2f})."
)
measured = {"start": start[0][0, 0], "k2_best": best[0], "k3_best": best[1]}
measured |= {"k1_end": end[0][0].mean(), "k2_worst": end[0][1].max()}
measured |= {"k3_reverse": end[1][2].max()}
assert measured["k2_worst"] < 0.75 < 1 < measured["k1_end"]
assert measured["k3_reverse"] < 0.5 < 5 < end[1][1].min()
