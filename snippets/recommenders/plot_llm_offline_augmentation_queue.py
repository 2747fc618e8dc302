"""
How long requests take: too few slots for a model, enough slots, and a look-up
===============================================================================

A figure of :doc:`/recommenders/llm_offline_augmentation`: left, the time of requests
over ten minutes; right, the simulated mean wait beside the formula.
"""

import matplotlib.pyplot as plt
import numpy as np

from snippets.recommenders.request_queue import (
    lognormal_times,
    poisson_arrivals,
    pollaczek_khinchine,
    serve,
)

RATE, MODEL, LOOKUP, SPREAD, SECONDS = 20, 1.2, 0.005, 0.5, 600
SETTINGS = {"model, 4 slots": (MODEL, 4), "model, 30 slots": (MODEL, 30),
            "look-up, 4 slots": (LOOKUP, 4)}  # fmt: skip
LOADS, SPREADS, SEEDS = (0.3, 0.5, 0.7, 0.8), (0.0, 0.5, 1.0), range(3)


def latencies(mean, servers, seed=0):
    """When requests arrive, and how long each takes with its wait."""
    rng = np.random.default_rng(seed)
    arrivals = poisson_arrivals(RATE, RATE * SECONDS, rng)
    services = lognormal_times(mean, SPREAD, len(arrivals), rng)
    return arrivals, serve(arrivals, services, servers) + services


def mean_wait(load, spread, seed, requests=60_000):
    """At one server with services of mean 1, without the first tenth of requests."""
    rng = np.random.default_rng([seed, int(10 * load), int(10 * spread)])
    arrivals = poisson_arrivals(load, requests, rng)
    waits = serve(arrivals, lognormal_times(1.0, spread, requests, rng), servers=1)
    return waits[requests // 10 :].mean()


runs = {name: latencies(*setting) for name, setting in SETTINGS.items()}
waits = np.array(
    [[[mean_wait(x, s, seed) for seed in SEEDS] for x in LOADS] for s in SPREADS]
)
squares = np.exp(np.square(SPREADS))  # mean squares of services with mean 1
formula = np.array([[pollaczek_khinchine(x, 1.0, s) for x in LOADS] for s in squares])
apart = abs(waits.mean(axis=2) / formula - 1).max()

fig, (left, right) = plt.subplots(1, 2, figsize=(7.2, 3.2), layout="constrained")
for number, (name, (arrivals, took)) in enumerate(runs.items()):
    left.plot(arrivals[::20] / 60, took[::20], f"C{number}", label=name, linewidth=1)
left.set(yscale="log", xlabel="minutes", ylabel="seconds until the answer")
left.legend(fontsize=8, loc=(0.4, 0.58))
smooth = np.linspace(0.2, 0.85)
for number, (spread, square) in enumerate(zip(SPREADS, squares, strict=True)):
    curve = [pollaczek_khinchine(load, 1.0, square) for load in smooth]
    right.plot(smooth, curve, f"C{number}", label=f"$s = {spread}$")
    right.plot(LOADS, waits[number], f".C{number}")
right.set(xlabel="utilization of one slot", ylabel="mean wait / mean service")
right.legend(fontsize=8)
four, thirty, lookup = (took for _, took in runs.values())
measured = {
    "last": four[-RATE:].mean() / 60, "thirty_99": np.quantile(thirty, 0.99),
    "lookup_99": 1000 * np.quantile(lookup, 0.99), "apart": apart,
}  # fmt: skip
fig.set_label(
    f"Left: seconds until the answer over ten minutes, on a logarithmic scale. With 4 "
    f"slots, the model's line climbs to {60 * measured['last']:.0f} s; with 30 slots "
    f"it stays near {np.median(thirty):.0f} s; look-ups take a few milliseconds. "
    f"Right: simulated mean waits lie on the three curves of the formula, which rise "
    f"with the utilization and with the spread of service times."
)
assert abs(measured["last"] - 50) < 3
assert measured["thirty_99"] > 2 * MODEL
assert measured["lookup_99"] < 20
assert apart < 0.1
