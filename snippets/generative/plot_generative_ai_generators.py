"""
Four generators of two moons, measured
======================================

A figure of :doc:`/generative/generative_ai`. Left: energy distance of samples from
held-out points, three runs. Right: how it depends on the number of network calls.
"""

import matplotlib.pyplot as plt
import numpy as np
import torch

from snippets.generative import generative_ai as scores
from snippets.generative import histogram_model as tables
from snippets.generative import moon_generators as models
from snippets.generative.moons import two_moons
from snippets.generative.noise_samplers import flow_log_density

RUNS, COUNT = 3, 2000
train, held_out, truth = two_moons(4000, COUNT, seed=1)
gaussian, bins = models.moment_matched(train), models.fit_bins(train)
names = ["real", "Gaussian", "mixture", "histogram", "diffusion", "flow"]
distances, surprise = {name: [] for name in names}, {"mixture": []}
for run in range(RUNS):
    rng = np.random.default_rng(run)
    mixture = models.fit_mixture(train, rng)
    surprise["mixture"].append(-scores.mixture_log_density(mixture, held_out).mean())
    drawn = {
        "real": rng.permutation(train)[:COUNT],
        "Gaussian": scores.draw_mixture(gaussian, COUNT, rng),
        "mixture": scores.draw_mixture(mixture, COUNT, rng),
        "histogram": tables.draw_histogram(bins, COUNT, rng),
    }
    for name, points in drawn.items():
        distances[name].append(scores.energy_distance(points, held_out))
networks = models.train_networks(train, RUNS, seed=0)
sweep = {"diffusion": {}, "flow": {}}
for calls in (5, 10, 20, models.CALLS):
    for name, path in models.drawn_by(networks, RUNS, COUNT, calls, seed=1).items():
        ends = [scores.energy_distance(points, held_out) for points in path[-1]]
        sweep[name][calls] = distances[name] = ends  # the last has 40 calls
points = torch.tensor(held_out, dtype=torch.float32).expand(RUNS, -1, -1)
surprise["flow"] = (-flow_log_density(networks["flow"], points, 20).mean(1)).tolist()
means = {name: np.mean(values) for name, values in distances.items()}

fig, (left, right) = plt.subplots(1, 2, figsize=(6.8, 3.1), layout="constrained")
for row, name in enumerate(names):
    left.plot(distances[name], [row] * RUNS, "o", alpha=0.7)
left.axvline(0.4 * means["Gaussian"], color="0.5", linestyle="--")
right.axhline(0.4 * means["Gaussian"], color="0.5", linestyle="--")
left.set(yticks=range(6), yticklabels=names, ylim=(5.5, -0.5))
left.set(xlabel="energy distance", xscale="log")
for (name, values), mark in zip(sweep.items(), "o^", strict=True):
    runs = np.array(list(values.values()))  # (numbers of calls, runs)
    right.plot(list(values), runs.mean(axis=1), "-" + mark, label=name)
    right.fill_between(list(values), runs.min(axis=1), runs.max(axis=1), alpha=0.2)
right.set(xscale="log", yscale="log", xlabel="network calls", ylabel="energy distance")
right.set_xticks(list(sweep["flow"]), list(map(str, sweep["flow"])))
right.set_yticks([0.003, 0.01, 0.03], ["0.003", "0.01", "0.03"])
right.minorticks_off()
right.legend()
fig.set_label(
    "Left: energy distance to held-out points on a log scale, mean of three runs: "
    + ", ".join(f"{name} {mean:.4f}" for name, mean in means.items())
    + ". Right: the means of diffusion and flow fall from 5 to 40 network calls."
)
measured = {"worst": max(max(distances[n]) for n in names[2:]) / means["Gaussian"]}
measured["nll_gaussian"] = -scores.mixture_log_density(gaussian, held_out).mean()
measured["real_high"] = max(distances["real"])
measured["nll_truth"] = -scores.mixture_log_density(truth, held_out).mean()
measured["nll_histogram"] = -tables.histogram_log_density(bins, held_out).mean()
measured |= {f"nll_{name}_low": min(values) for name, values in surprise.items()}
measured |= {f"nll_{name}_high": max(values) for name, values in surprise.items()}
measured["gaussian_low"] = min(distances["Gaussian"])
assert measured["worst"] < 0.4
assert all(min(distances[name]) < measured["real_high"] for name in names[2:])
assert min(distances["histogram"]) < max(distances["mixture"])
assert measured["nll_truth"] < min(surprise["mixture"])
assert max(surprise["mixture"]) < min(surprise["flow"])
assert max(surprise["flow"]) < measured["nll_histogram"]
