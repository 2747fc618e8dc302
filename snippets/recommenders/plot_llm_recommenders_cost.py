"""
What a better ranking costs: whole lists, windows, and pairs
============================================================

A figure of :doc:`/recommenders/llm_recommenders`: quality against the tokens of all
calls for one request, counted on prompts with real titles.
"""

import matplotlib.pyplot as plt
import numpy as np

from snippets.recommenders.llm_recommenders import borda, williams
from snippets.recommenders.rank_aggregation import kendall_tau
from snippets.recommenders.ranker_trials import by_pairs, by_windows, draw_trial
from snippets.recommenders.ranking_prompts import build_prompt
from snippets.recommenders.simulated_ranker import linear
from snippets.recommenders.sliding_window import windows
from snippets.recommenders.title_tokens import title_counter, titles

REQUESTS, ITEMS, HISTORY, CALLS = 2000, 10, 20, (1, 2, 4, 10, 20, 40)
PASSES, PAIRS, LOOKS = range(1, 7), ITEMS * (ITEMS - 1), ("C1-^", "C4-o", "C2-D", "C3s")
rng, ranker, plain = np.random.default_rng(3), linear(ITEMS), np.arange(ITEMS)[None]
relevance = rng.standard_normal((REQUESTS, ITEMS))
chosen = np.random.default_rng(5).choice(len(titles()), HISTORY + ITEMS, replace=False)
films = [titles()[number] for number in chosen]


def tokens(shown):
    """Tokens of a prompt with so many candidates, and of its answer."""
    candidates = {f"m{k}": films[HISTORY + k] for k in range(shown)}
    return build_prompt(films[:HISTORY], candidates, 10_000, title_counter()).tokens


def judged(points, truth=relevance):
    """Share of requests with the best item on top, and mean tau."""
    top = (points.argmax(axis=-1) == truth.argmax(axis=-1)).mean()
    return top, kendall_tau(points, truth).mean()


def lists(design, calls):
    trial = draw_trial(ranker, design, calls, REQUESTS, rng)
    return judged(borda(trial.answers), trial.relevance)


whole, pair = tokens(ITEMS), tokens(2)
one_pass = len(windows(ITEMS, 4, 2)) * tokens(4)
found = {
    "lists, random": {m * whole: lists(plain, m) for m in CALLS},
    "lists, Williams": {m * whole: lists(williams(ITEMS), m) for m in CALLS},
    "windows of 4": {
        k * one_pass: judged(by_windows(relevance, ranker, k, rng)) for k in PASSES
    },
    "all pairs": {PAIRS * pair: judged(by_pairs(relevance, ranker, rng))},
}
fig, axes = plt.subplots(1, 2, figsize=(7.4, 3.2), layout="constrained")
for panel, ax in enumerate(axes):
    for (name, line), look in zip(found.items(), LOOKS, strict=True):
        height = [values[panel] for values in line.values()]
        ax.plot(list(line), height, look, label=name, markersize=4)
    ax.set(xscale="log", xlabel="tokens for one request", ylim=(0.2, 1))
axes[0].set(ylabel="share with best item on top")
axes[1].set(ylabel="Kendall's tau with the truth")
axes[1].legend(fontsize=8, loc="lower right")
rows = {name: list(line.values()) for name, line in found.items()}
measured = {
    "whole": whole, "pair_tokens": pair, "ratio": PAIRS * pair / (10 * whole),
    "one_pass": one_pass, "window_top": rows["windows of 4"][0][0],
    "pairs": rows["all pairs"][0][1], "balanced": rows["lists, Williams"][3][1],
    "two_top": rows["lists, Williams"][1][0], "two_tokens": 2 * whole,
}  # fmt: skip
listed = [
    f"{name}: {'; '.join(f'{x}, {a:.2f}, {b:.2f}' for x, (a, b) in line.items())}."
    for name, line in found.items()
]
read = "For each way to ask, tokens, share with the best item on top, Kendall's tau"
fig.set_label(f"{read}. {' '.join(listed)}")
assert measured["window_top"] > rows["lists, random"][2][0] + 0.05
assert rows["lists, Williams"][3][0] > measured["window_top"] + 0.1
assert measured["ratio"] > 4
