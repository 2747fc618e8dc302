"""
Best of n by a noisy reward, with three kinds of noise
======================================================

A figure of :doc:`/alignment/reward_models`: the proxy reward is the true one plus noise
with heavy tails, or plus Gaussian noise of the same or a smaller standard deviation.
"""

import matplotlib.pyplot as plt
import torch

from snippets.alignment.best_of_n import best_of_n_means

POOLS, SAMPLES, FREEDOM = 8, 50_000, 2.2
torch.manual_seed(0)
counts = [2**power for power in range(11)]
tails, wide = torch.distributions.StudentT(FREEDOM), (FREEDOM / (FREEDOM - 2)) ** 0.5
kinds = {
    "heavy tails": tails,
    "Gaussian": torch.distributions.Normal(0, 1),
    f"Gaussian, deviation {wide:.1f}": torch.distributions.Normal(0, wide),
}

curves = {}
for name, noise in kinds.items():
    runs = []
    for _ in range(POOLS):
        gold = torch.randn(SAMPLES)
        proxy = gold + noise.sample((SAMPLES,))
        runs.append(best_of_n_means(torch.stack([gold, proxy]), proxy, counts))
    curves[name] = torch.stack(runs)  # pools, gold or proxy, counts

x = torch.linspace(-9, 9, 20_001, dtype=torch.float64)
normal = torch.distributions.Normal(0.0, 1.0)
powers = normal.cdf(x)[:, None] ** torch.tensor(counts)
largest = ((x[1:, None] + x[:-1, None]) / 2 * powers.diff(dim=0)).sum(dim=0)
# the share 1 / (1 + s^2) of the largest proxy, whose deviation is sqrt(1 + s^2)
theories = [largest / (1 + s**2) ** 0.5 for s in (1, wide)]

fig, axes = plt.subplots(1, 2, figsize=(6.8, 3.1), layout="constrained")
titles = ["true reward of the chosen answer", "its proxy reward"]
for row, (ax, title) in enumerate(zip(axes, titles, strict=True)):
    for number, (name, runs) in enumerate(curves.items()):
        style = f"C{number}" + ["o-", "s--", "^:"][number]
        mean, spread = runs[:, row].mean(dim=0), runs[:, row].std(dim=0)
        ax.errorbar(counts, mean, spread, fmt=style, ms=4, label=name)
    ax.set_xscale("log", base=2)
    ax.set(title=title, xlabel="n", ylabel="standard deviations")
axes[1].set_yscale("symlog", linthresh=1)
axes[1].set_ylim(bottom=-0.2)
for theory, label in zip(theories, ["Gaussian, exact", None], strict=True):
    axes[0].plot(counts, theory, color="0.5", lw=1, label=label)
fig.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=2)

heavy, light, weak = (runs[:, 0].mean(dim=0) for runs in curves.values())
errors = [runs[:, 0].std(dim=0) / POOLS**0.5 for runs in curves.values()]
peak = int(heavy.argmax())
fallen = heavy[peak] - heavy[-1]
assert 0 < peak < len(counts) - 1
assert fallen > 5 * (errors[0][peak] ** 2 + errors[0][-1] ** 2).sqrt()
for exact, found, error in zip(theories, (light, weak), errors[1:], strict=True):
    assert ((found - exact).abs() < 5 * error + 1e-3).all()
assert (light.diff() > 0).all()
assert weak[-1] > weak[peak] + 0.2
fig.set_label(
    f"Left: with heavy tails the true reward rises to {heavy[peak]:.2f} at n = "
    f"{counts[peak]} and falls to {heavy[-1]:.2f} at {counts[-1]}. With Gaussian noise "
    f"it rises to {light[-1]:.2f}, or to {weak[-1]:.2f} if that noise has the standard "
    "deviation of the heavy tails. Both are close to the exact curves. Right: all "
    "proxies rise."
)
measured = {
    "heavy_peak": heavy[peak],
    "heavy_count": counts[peak],
    "heavy_end": heavy[-1],
    "light_end": light[-1],
    "wide_end": weak[-1],
}
