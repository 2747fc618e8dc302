"""
Ratings of movies that the table has never seen
===============================================

A figure of :doc:`/recommenders/semantic_ids`: how alike movies with a common prefix
are, and how well summed rows order the known and the new movies of each user.
"""

import matplotlib.pyplot as plt
import numpy as np
import torch
from scipy.sparse import csr_matrix

from snippets.recommenders.id_pieces import prefixes, row_matrix
from snippets.recommenders.movie_contents import contents, prefix_similarity
from snippets.recommenders.movie_trial import areas, hide_movies
from snippets.recommenders.movielens import load
from snippets.recommenders.residual_k_means import fit_codebooks
from snippets.recommenders.semantic_ids import residual_quantize

SEEDS = 5
ratings, movies = load()
content = torch.from_numpy(contents(movies))
items = range(len(content))
found = {}  # way: for each seed, AUC of known and of new movies
for seed in range(SEEDS):
    rng = np.random.default_rng(seed)
    hidden = hide_movies(ratings, len(items), seed)
    codebooks = fit_codebooks(content[~hidden.new], levels=3, codes=32, seed=seed)
    ids = residual_quantize(content, codebooks).codes
    paths = [prefixes(one) for one in ids.tolist()]
    semantic = row_matrix(paths)
    hashed = rng.integers(semantic.shape[1], size=(len(items), 1))
    ways = {
        "content, linear": csr_matrix(content.numpy()),
        "random hash": row_matrix(hashed),
        "prefixes": semantic,
        "own row": row_matrix([[item] for item in items]),
        "prefixes, own row": row_matrix([[*paths[item], item] for item in items]),
    }
    for way, features in ways.items():
        found.setdefault(way, []).append(areas(ratings, hidden, features))
similar = prefix_similarity(content, ids)
found = {way: np.array(runs) for way, runs in found.items()}

fig, (left, right) = plt.subplots(1, 2, figsize=(6.8, 3.4), width_ratios=[1, 1.7])
left.bar(range(4), similar)
left.set(xlabel="common codes, at least", ylabel="mean cosine", xticks=range(4))
for column, (name, mark) in enumerate({"known movies": "o", "new movies": "^"}.items()):
    for place, runs in enumerate(found.values()):
        spots = np.full(SEEDS, 0.15 - 0.3 * column - place)
        style = {"color": f"C{column}", "label": name if place == 0 else None}
        right.plot(runs[:, column], spots, mark, markersize=4, **style)
right.axvline(0.5, color="0.5", linewidth=0.8, linestyle=":")
right.set_yticks(-np.arange(len(found)), list(found))
right.set(xlabel="AUC within a user, mean of users", ylim=(-6.2, 0.4))
right.legend(loc="lower right")
mean = {way: runs.mean(axis=0) for way, runs in found.items()}
listed = ", ".join(f"{way} {a:.2f} and {b:.2f}" for way, (a, b) in mean.items())
fig.set_label(
    "Left: mean cosine of two movies that share at least 0, 1, 2 or 3 codes: "
    f"{', '.join(f'{one:.2f}' for one in similar)}. Right: AUC of known and of new "
    f"movies in {SEEDS} splits; the means are {listed}."
)
apart = found["prefixes"] - found["random hash"]
names = ("any", "one", "two", "three")
measured = dict(zip(names, similar, strict=True))
measured |= {"content_known": mean["content, linear"][0]}
measured |= {"content_new": mean["content, linear"][1]}
measured |= {"movie_hash_known": mean["random hash"][0]}
measured |= {"movie_gain": apart[:, 1].min()}
measured |= {"movie_prefixes": mean["prefixes"][1]}
measured |= {"median": np.median(np.bincount(ratings.items))}
measured |= {"movie_low": apart[:, 0].min(), "movie_high": apart[:, 0].max()}
assert apart[:, 1].min() > 0.03 > abs(apart[:, 0]).max()
assert (found["content, linear"][:, 0] < found["random hash"][:, 0] - 0.02).all()
assert (found["prefixes, own row"][:, 1] > 0.54).all()
