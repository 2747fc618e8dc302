"""
Clicks on new items: rows by content, and rows at random
========================================================

A figure of :doc:`/recommenders/semantic_ids`: how well summed rows of a table rank
known, rarely shown and new items, for several ways to give rows to items.
"""

import matplotlib.pyplot as plt
import numpy as np
import torch

from snippets.recommenders import row_schemes as schemes
from snippets.recommenders.id_pieces import prefixes, row_matrix
from snippets.recommenders.nested_catalog import draw_catalog
from snippets.recommenders.residual_k_means import fit_codebooks
from snippets.recommenders.rqvae_training import ids_of_runs, train, untrained
from snippets.recommenders.semantic_ids import residual_quantize

ITEMS, KNOWN, SEEDS, STEPS, SIZE = 4000, 3000, 3, 500, 32
HASHED, VOCABULARIES = (96, 210, 700, 2000), (128, 224, 512)
GROUPS = ("known items", "rarely shown", "new items")

catalogs = [draw_catalog(ITEMS, seed) for seed in range(SEEDS)]
content = torch.stack([catalog.content for catalog in catalogs])
known = content[:, :KNOWN]  # the quantizer is frozen before new items come
models = [*untrained(known, SIZE, False), *untrained(known, SIZE, True)]
replacing = torch.arange(2 * SEEDS) >= SEEDS
*_, weights = train(models, known.repeat(2, 1, 1), replacing, STEPS)
codes = ids_of_runs(weights, content.repeat(2, 1, 1)).unflatten(0, (2, SEEDS)).tolist()
found = {}  # way: for each seed, the number of rows, and an AUC for each group
for seed, catalog in enumerate(catalogs):
    rng = np.random.default_rng(seed)
    trial = schemes.draw_trial(catalog.leaf, np.arange(ITEMS) >= KNOWN, seed)
    ids, collapsed = codes[1][seed], codes[0][seed]
    plain = residual_quantize(content[seed], fit_codebooks(known[seed], 3, SIZE, seed))
    ways = schemes.hashed(ITEMS, HASHED, rng) | schemes.by_hand(ids, rng)
    ways |= schemes.learned(ids, SIZE, VOCABULARIES, trial.shown, rng)
    others = {"collapsed prefixes": collapsed, "k-means": plain.codes.tolist()}
    ways |= {way: row_matrix(map(prefixes, ids)) for way, ids in others.items()}
    for way, features in ways.items():
        areas = schemes.areas(trial, features)
        found.setdefault(way, []).append([features.shape[1], *areas])
found = {way: np.array(runs) for way, runs in found.items()}

LINES = {"random hash": ("0.5", [f"hash {rows}" for rows in HASHED])}
LINES["SentencePiece"] = ("C0", [f"SentencePiece {size}" for size in VOCABULARIES])
LINES["n-grams, n = 1 and 2"] = ("C1", ["1-grams", "2-grams"])
MARKS = {"prefixes": "C2^", "prefixes, own row": "C2P", "own row": "C4D"}
MARKS |= {"shuffled prefixes": "C3v", "collapsed prefixes": "C3x"}
fig, axes = plt.subplots(1, 3, figsize=(6.8, 4.2), sharey=True)
for place, (name, ax) in enumerate(zip(GROUPS, axes, strict=True), start=1):
    for label, (color, names) in LINES.items():
        runs = np.array([found[way] for way in names])[:, :, [0, place]]
        ax.plot(
            *runs.mean(axis=1).T, color=color, marker="o", markersize=3, label=label
        )
    for way, mark in MARKS.items():
        ax.plot(*found[way][:, [0, place]].T, mark, markersize=5, label=way)
    ax.set(title=name, xscale="log", xlabel="rows of the table")
axes[0].set(ylabel="AUC")
fig.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
mean = {way: runs.mean(axis=0) for way, runs in found.items()}
hashed = np.array([found[f"hash {rows}"] for rows in HASHED])
same_rows = (found["SentencePiece 224"] - found["2-grams"])[:, [1, 3]]
shown = {way: [f"{area:.2f}" for area in runs[1:]] for way, runs in mean.items()}
fig.set_label(
    "AUC for the number of rows, three worlds. New items: random hash, shuffled "
    "prefixes and own row lie around 0.5, collapsed prefixes at "
    f"{shown['collapsed prefixes'][2]}, prefixes at {shown['prefixes'][2]}. Known "
    f"items: random hash rises from {shown['hash 96'][0]} to {shown['hash 2000'][0]}, "
    f"prefixes have {shown['prefixes'][0]}, own rows {shown['own row'][0]}, both "
    f"{shown['prefixes, own row'][0]}. Rarely shown items: both are highest, at "
    f"{shown['prefixes, own row'][1]}. SentencePiece and n-grams rise to the prefixes."
)
measured = {"hash_high": hashed[..., 3].max(), "rows": mean["prefixes"][0]}
measured |= {"new": found["prefixes"][:, 3].min()}
for name, way in {"both": "prefixes, own row", "prefixes": "prefixes"}.items():
    measured |= {f"{name}_known": mean[way][1], f"{name}_new": mean[way][3]}
measured |= {"hash_same": mean["hash 700"][1], "hash_more": mean["hash 2000"][1]}
measured |= {"shuffled": mean["shuffled prefixes"][1], "own": mean["own row"][1]}
measured |= {"collapsed": mean["collapsed prefixes"][3], "k_means": mean["k-means"][3]}
measured |= {"pieces_low": same_rows.min(), "pieces_high": same_rows.max()}
assert (found["prefixes"] > found["collapsed prefixes"] + 0.015)[:, 1:].all()
assert (found["prefixes"][:, 1] > hashed[-1, :, 1]).all()
assert (found["own row"][:, 1] > found["prefixes"][:, 1] + 0.01).all()
assert (found["prefixes, own row"] >= found["own row"])[:, 1:].all()
