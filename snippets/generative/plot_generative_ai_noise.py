"""
A good likelihood, and samples that are almost all noise
========================================================

A figure of :doc:`/generative/generative_ai`. Generators of handwritten digits (8 x 8
pixels, from scikit-learn). One draws noise 99 times of 100, and still has a higher
likelihood than two others.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits

from snippets.generative import generative_ai as scores
from snippets.generative.moon_generators import fit_mixture, moment_matched

RUNS, LEARNED, DRAWN, SHARE = 3, 1297, 500, 0.99
names = ["mixture", "mixture, 99 % noise", "one Gaussian", "independent pixels"]
likelihood = {name: [] for name in names}
distances = {name: [] for name in names}
losses = []
for run in range(RUNS):
    rng = np.random.default_rng(run)
    digits = rng.permutation(load_digits().data)
    digits = (digits + rng.random(digits.shape)) / 17  # 0 to 16 become 0 to 1
    learned, held_out = digits[:LEARNED], digits[LEARNED:]
    mixture = fit_mixture(learned, rng, components=10, iterations=10, reg_covar=1e-3)
    one = moment_matched(learned)
    apart = one._replace(covariances=one.covariances * np.eye(64))
    samples, density = {}, {}
    for name, model in zip([names[0], *names[2:]], [mixture, one, apart], strict=True):
        samples[name] = scores.draw_mixture(model, DRAWN, rng)
        density[name] = scores.mixture_log_density(model, held_out)
    noise = rng.random((DRAWN, 64))  # its density is 1 on the cube from 0 to 1
    noisy = rng.random((DRAWN, 1)) < SHARE
    samples[names[1]] = np.where(noisy, noise, samples["mixture"])
    density[names[1]] = scores.diluted_log_density(
        density["mixture"], np.zeros(len(held_out)), SHARE
    )
    losses.append(density["mixture"] - density[names[1]])
    for name in names:
        likelihood[name].append(density[name].mean())
        distances[name].append(scores.energy_distance(samples[name], held_out))

fig, axes = plt.subplots(4, figsize=(6.8, 2.7), layout="compressed")
for ax, name in zip(axes, names, strict=True):
    framed = np.pad(samples[name][:8].reshape(8, 8, 8), ((0, 0), (0, 0), (0, 2)))
    ax.imshow(np.hstack(framed)[:, :-2], cmap="gray_r", vmin=0, vmax=1)
    ax.set_axis_off()
    height = f"{np.mean(likelihood[name]):.1f} nats"
    ax.text(-2, 3.5, f"{name}\n{height}", ha="right", va="center")
fig.set_label(
    "Eight samples of each generator, with its mean log-likelihood: "
    + "; ".join(f"{name} {np.mean(likelihood[name]):.1f} nats" for name in names)
    + ". The samples of the first row look like blurred digits, those of the second "
    "row are noise, those of the third look like strokes, those of the fourth like "
    "noise in a round shape."
)
measured = {
    f"{name}_distance": np.mean(distances[full])
    for name, full in (("noisy", names[1]), ("one", names[2]))
}
ahead = np.subtract(likelihood[names[1]], likelihood["one Gaussian"])
measured["ahead_low"] = ahead.min()
assert ahead.min() > 0
assert np.max(np.concatenate(losses)) < np.log(100) + 1e-9
worst = max(max(distances[name]) for name in names if name != names[1])
assert min(distances[names[1]]) > 10 * worst
