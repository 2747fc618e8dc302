"""
Preferences without exception: DPO never settles, IPO does
==========================================================

A figure of :doc:`/alignment/dpo`: left, the best margin by the share of comparisons
that an answer wins; right, the margin while a table of two answers is trained.
"""

import matplotlib.pyplot as plt
import torch

from snippets.alignment.dpo import dpo_loss, ipo_loss

BETA, SHARES, UPDATES, RATE = 0.5, (0.9, 1.0), 3000, 0.05
LOSSES = {"DPO": dpo_loss, "IPO": ipo_loss}


def margins(loss, shares):
    """Margin after each update of Adam, for each share of wins; zero at first."""
    logits = torch.zeros(2, len(shares), dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.Adam([logits], lr=RATE)
    seen = []
    for _ in range(UPDATES):
        chosen, rejected = logits.log_softmax(dim=0)  # the reference is uniform: 0
        wins, losses = loss(chosen, rejected, BETA), loss(rejected, chosen, BETA)
        optimizer.zero_grad()
        (shares * wins + (1 - shares) * losses).sum().backward()
        optimizer.step()
        seen.append((chosen - rejected).detach())
    return torch.stack(seen)


shares = torch.tensor(SHARES, dtype=torch.float64)
found = {name: margins(loss, shares) for name, loss in LOSSES.items()}
every = torch.linspace(0.5, 0.9999, 400, dtype=torch.float64)
best = {"DPO": every.logit() / BETA, "IPO": (2 * every - 1) / (2 * BETA)}

fig, (left, right) = plt.subplots(1, 2, figsize=(6.8, 3.0), layout="constrained")
for number, name in enumerate(LOSSES):
    left.plot(every, best[name], f"C{number}" + ["-", "--"][number], label=name)
    for share, path, style in zip(SHARES, found[name].T, (":", "-"), strict=True):
        label = f"{name}, wins {share:.0%}"
        right.plot(
            range(1, UPDATES + 1), path, f"C{number}", linestyle=style, label=label
        )
left.set(xlabel="share of comparisons won", ylabel="best margin, nats", ylim=(0, 16))
right.set(xlabel="updates", ylabel="margin, nats", xscale="log")
left.legend()
right.legend(fontsize=9)
noisy, sure = found["DPO"].T
ipo_noisy, ipo_sure = found["IPO"].T
fig.set_label(
    f"Left: the best margin of DPO rises without bound as the share nears 1; that of "
    f"IPO is a line up to {best['IPO'][-1]:.1f} nats. Right: after {UPDATES} updates "
    f"DPO is at {sure[-1]:.0f} nats if an answer always wins, and still rises. The "
    f"other lines are level: DPO at {noisy[-1]:.1f} nats if the answer wins "
    f"{SHARES[0]:.0%}, IPO at {ipo_noisy[-1]:.2f} if it wins {SHARES[0]:.0%} and at "
    f"{ipo_sure[-1]:.2f} if it always wins."
)
half = UPDATES // 2
measured = {"sure": sure[-1], "noisy": noisy[-1], "ipo_sure": ipo_sure[-1]}
assert sure[-1] > sure[half] + 1
for path in (noisy, ipo_sure, ipo_noisy):
    assert (path[half:] - path[-1]).abs().max() < 0.01
assert abs(noisy[-1] - shares[0].logit() / BETA) < 0.01
assert abs(ipo_sure[-1] - 1 / (2 * BETA)) < 0.01
