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
# Left: the forecasts by book lie near the diagonal. Right: they are hardly better than
# one number for all claims.

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
scores = {name: brier_score(labels, f) for name, f in forecasts.items()}
bins = reliability(outcomes, forecasts["by book"])

# Sources are drawn with replacement: two claims of one paper are not independent.
rng, unique = np.random.default_rng(0), np.unique(sources)
own = {source: np.flatnonzero(np.array(sources) == source) for source in unique}
error = {name: (f - labels) ** 2 for name, f in forecasts.items()}
gain = error["same for all"] - error["by book"]
draws = [
    gain[np.concatenate([own[source] for source in rng.choice(unique, len(unique))])]
    for _ in range(1000)
]
low, high = np.quantile([draw.mean() for draw in draws], [0.025, 0.975])

fig, (left, right) = plt.subplots(1, 2, figsize=(10, 4.2), layout="constrained")
spread = np.sqrt(bins.share * (1 - bins.share) / bins.records)
left.errorbar(bins.forecast, bins.share, 2 * spread, fmt="o", capsize=3)
left.plot([0, 1], [0, 1], ":", color="gray")
left.set(xlabel="forecast, by book", ylabel="share that came out in full")
right.barh(list(scores)[::-1], list(scores.values())[::-1])
right.axvline(0.25, color="gray", ls=":")
right.set(xlabel="Brier score (lower is better; dots: always one half)")
fig.set_label(
    f"Left: bins of about {bins.records.mean():.0f} claims with mean forecasts from "
    f"{bins.forecast.min():.2f} to {bins.forecast.max():.2f} and shares from "
    f"{bins.share.min():.2f} to {bins.share.max():.2f}. Right: Brier scores "
    + ", ".join(f"{score:.3f} {name}" for name, score in scores.items())
    + "."
)

measured = {
    "brier_all": scores["same for all"],
    "brier_book": scores["by book"],
    "brier_numbers": scores["by numbers"],
    "gain_low": low,
    "gain_high": high,
}
