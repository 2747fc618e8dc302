"""
Will it come out in full?
=========================

Three forecasts for each claim that was tested, from the claims of other sources.
"""

import re

import matplotlib.pyplot as plt
import numpy as np

from snippets.practice.classification_metrics import brier_score
from snippets.practice.forecasts import from_other_sources, reliability
from snippets.practice.reading_log import load_log

# %%
# What to look for
# ----------------
# Left: whether the points follow the diagonal. Right: grouping the claims gains little
# over one number for all of them.

tested = [record for record in load_log() if record.verdict != "not tested"]
outcomes = np.array([r.verdict in ("reproduced", "recomputed") for r in tested])
sources = [record.source for record in tested]
groups = {
    "same for all": None,
    "by book": [record.page.split("/")[0] for record in tested],
    "by numbers": [str(bool(re.search(r"\d", r.reports))) for r in tested],
}
forecasts = {n: from_other_sources(outcomes, sources, g) for n, g in groups.items()}
labels = outcomes.astype(int)
scores = [brier_score(labels, forecast) for forecast in forecasts.values()]

# Sources are drawn with replacement: two claims of one paper are not independent.
rng, unique = np.random.default_rng(0), np.unique(sources)
own = [np.flatnonzero(np.array(sources) == source) for source in unique]
error = {name: (f - labels) ** 2 for name, f in forecasts.items()}
gains = np.array([error["same for all"] - error[n] for n in ("by book", "by numbers")])
picks = rng.integers(len(own), size=(1000, len(own)))
draws = [np.concatenate([own[i] for i in pick]) for pick in picks]
means = [gains[:, draw].mean(axis=1) for draw in draws]
low, high = np.quantile(means, [0.025, 0.975], axis=0)
assert gains.mean(axis=1).max() < 0.02

# Half of the sources forecasts the other half.
half = dict(zip(unique, rng.permutation(len(unique)) % 2, strict=True))
halves = np.array([str(half[source]) for source in sources])
across = from_other_sources(outcomes, list(halves), groups["by book"])
bins = [reliability(outcomes[m], across[m]) for m in (halves == "0", halves == "1")]

fig, (left, right) = plt.subplots(1, 2, figsize=(7.4, 3.4), layout="constrained")
for part, name, mark in zip(bins, ("first", "second"), "os", strict=True):
    spread = np.sqrt(part.forecast * (1 - part.forecast) / part.records)
    style = {"fmt": mark, "capsize": 3, "label": f"{name} half"}
    left.errorbar(part.forecast, part.share, 2 * spread, **style)
left.plot([0, 1], [0, 1], ":", color="gray")
left.set(xlabel="forecast, by book", ylabel="share that came out in full")
left.set_ylim(-0.05, 1.05)
left.legend(loc="lower right")
right.locator_params(axis="x", nbins=5)
center = gains.mean(axis=1)
right.errorbar(center, [1, 0], xerr=[center - low, high - center], fmt="o", capsize=4)
right.axvline(0, color="gray", ls=":")
right.set_yticks([1, 0], ["by book", "by numbers"])
right.set(ylim=(-0.6, 1.6), xlabel="gain in Brier score over the first rule")
forecast, share = (np.array([part[i] for part in bins]) for i in (0, 1))
fig.set_label(
    f"Left: two times five bins, with mean forecasts from {forecast.min():.2f} to "
    f"{forecast.max():.2f}, shares from {share.min():.2f} to {share.max():.2f}, and a "
    f"dotted diagonal. Right: gains of {center[0]:.4f} by book, {center[1]:.4f} by "
    "numbers, with intervals and a line at zero."
)

measured = {
    **dict(zip(("brier_all", "brier_book", "brier_numbers"), scores, strict=True)),
    **dict(zip(("gain_low", "numbers_low"), low, strict=True)),
    **dict(zip(("gain_high", "numbers_high"), high, strict=True)),
}
