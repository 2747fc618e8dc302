"""
A map of films, drawn by ratings alone
======================================

A figure of :doc:`/recommenders/matrix_factorization`: the two main directions in the
factors of the films with the most ratings.
"""

import matplotlib.pyplot as plt
import numpy as np

from snippets.recommenders.matrix_factorization import als
from snippets.recommenders.movielens import load
from snippets.recommenders.rating_biases import fit_biases, rating_table, residuals

SIZE, PENALTY, DAMPING, FILMS = 10, 0.2, 5.0, 90
NAMES = {  # beginning of the title, and what to write
    "Pulp Fiction": "Pulp Fiction",
    "Trainspotting": "Trainspotting",
    "Blade Runner": "Blade Runner",
    "American Beauty": "American Beauty",
    "Seven (": "Seven",
    "Star Wars: Episode IV": "Star Wars",
    "Star Wars: Episode VI ": "Return of the Jedi",
    "Star Wars: Episode I ": "The Phantom Menace",
    "Lord of the Rings: The Two": "The Two Towers",
    "Lord of the Rings: The Ret": "The Return of the King",
    "Gladiator": "Gladiator",
    "X-Men": "X-Men",
    "Independence Day": "Independence Day",
    "Batman Forever": "Batman Forever",
    "Sleepless in Seattle": "Sleepless in Seattle",
}
LEFT = {"Independence Day", "Batman Forever", "X-Men"}
LEFT |= {"The Phantom Menace", "Sleepless in Seattle", "Star Wars"}

ratings, movies = load()
shape = int(ratings.users.max()) + 1, len(movies.titles)
table = rating_table(ratings.users, ratings.items, ratings.values, shape)
left = residuals(table, fit_biases(table, DAMPING, DAMPING))
rng = np.random.default_rng(0)
factors = als(left, rng.normal(scale=0.1, size=(shape[1], SIZE)), PENALTY)
top = np.argsort(-np.bincount(ratings.items))[:FILMS]
centered = factors.items[top] - factors.items[top].mean(axis=0)
_, values, directions = np.linalg.svd(centered, full_matrices=False)
places = centered @ directions[:2].T
share = (values[:2] ** 2).sum() / (values**2).sum()

fig, ax = plt.subplots(figsize=(6.8, 4.2), layout="constrained")
action = np.array(["Action" in movies.genres[film] for film in top])
for chosen, look, label in ((action, "C1s", "action"), (~action, "C0o", "other")):
    ax.plot(*places[chosen].T, look, markersize=4, label=label)
shown = {}
for place, film in zip(places, top, strict=True):
    for start, name in NAMES.items():
        if movies.titles[film].startswith(start):
            shown[name] = place
            side, shift = ("right", -5) if name in LEFT else ("left", 5)
            ax.annotate(
                name,
                place,
                (shift, -3),
                textcoords="offset points",
                ha=side,
                fontsize=8,
            )
ax.set(xlabel="first direction", ylabel="second direction")
ax.legend(loc="lower left", fontsize=9)
ends = [min(shown, key=lambda n: shown[n][0]), max(shown, key=lambda n: shown[n][0])]
fig.set_label(
    f"Scatter plot of {FILMS} films. {ends[0]} is at the left end and {ends[1]} at the "
    "right. Two films of The Lord of the Rings are side by side at the bottom, and "
    "most action films are on the right."
)
unit = factors.items[top] / np.linalg.norm(factors.items[top], axis=1, keepdims=True)
alike = unit @ unit.T - 2 * np.eye(FILMS)
titles = [movies.titles[film] for film in top]
rings = [n for n, title in enumerate(titles) if title.startswith("Lord of the Rings")]
assert all(alike[n].argmax() in rings for n in rings)
measured = {"map_share": share}
