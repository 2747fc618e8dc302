"""
Locality-sensitive hashing: from five billion pairs to a few thousand
=====================================================================

The figures of :doc:`/classical/locality_sensitive_hashing`, all from 100,000 generated
documents, a fifth of which are edited copies of earlier ones.
"""

import time

import matplotlib.pyplot as plt
import numpy as np
from scipy.sparse import csr_matrix

from snippets.classical.locality_sensitive_hashing import (
    Sets,
    band_keys,
    candidate_probability,
    colliding,
    minhash,
    near_duplicates,
    random_orders,
    scatter,
    simhash,
    similarities,
)

rng = np.random.default_rng(0)
DOCUMENTS, VOCABULARY, THRESHOLD = 100_000, 20_000, 0.8


def draw_words(count):
    """The word of rank r is drawn in proportion to 1 / r."""
    shares = np.cumsum(1 / np.arange(1, VOCABULARY + 1))
    return np.searchsorted(shares, shares[-1] * rng.random(count)).astype(np.uint32)


def copy_earlier(lengths, original):
    """Words of documents that copy another, but for one span that is written anew."""
    starts = np.append(0, lengths.cumsum())
    owner = np.repeat(np.arange(DOCUMENTS), lengths)
    place = np.arange(starts[-1]) - starts[owner]
    fresh = draw_words(starts[-1])
    span = (lengths * rng.uniform(0, 0.7, DOCUMENTS)).astype(int)
    begin = (rng.random(DOCUMENTS) * (lengths - span + 1)).astype(int)
    kept = (place < begin[owner]) | (place >= (begin + span)[owner])
    copied = kept & (original[owner] != owner)
    return np.where(copied, fresh[starts[original[owner]] + place], fresh), owner


def three_word_shingles(words, owner):
    """Sets of 32-bit numbers, one for each run of three words."""
    codes = scatter(scatter(scatter(words[:-2]) + words[1:-1]) + words[2:])
    inside = owner[:-2] == owner[2:]
    codes = np.sort((owner[:-2][inside] << 32) | codes[inside])
    codes = codes[np.diff(codes, prepend=-1) > 0]
    starts = np.searchsorted(codes >> 32, np.arange(DOCUMENTS + 1))
    return Sets(codes.astype(np.uint32), starts)


original = np.arange(DOCUMENTS)
is_copy = (rng.random(DOCUMENTS) < 0.2) & (original > 0)
firsts = np.flatnonzero(~is_copy)
earlier = np.searchsorted(firsts, np.flatnonzero(is_copy))  # originals before each copy
original[is_copy] = firsts[(rng.random(len(earlier)) * earlier).astype(int)]
lengths = rng.integers(20, 61, DOCUMENTS)[original]
sets = three_word_shingles(*copy_earlier(lengths, original))
known = np.stack([original, np.arange(DOCUMENTS)], axis=1)[is_copy]
truth = similarities(sets, known)

# %%
# What a signature tells
# ----------------------
# For 20,000 copies and their originals, how far the share of equal minima is off the
# true similarity. Dotted, two standard deviations of theory.

orders = random_orders(128)
signatures = minhash(sets, orders)
differ = signatures[known[:, 0]] ^ signatures[known[:, 1]]
equal = differ == 0
error = equal.mean(axis=1) - truth
bins = np.digitize(truth, np.arange(0.2, 1, 0.1))
groups = [bins == number for number in range(1, 8)]
spreads = np.array([error[group].std() for group in groups])
predicted = np.sqrt([np.mean((truth * (1 - truth))[g]) / 128 for g in groups])
bias = np.array([error[group].mean() for group in groups])
assert np.abs(bias).max() < 0.006
assert np.abs(spreads / predicted - 1).max() < 0.12

half = np.abs(truth - 0.5) < 0.03
bit_error = 2 * (differ & 1 == 0).mean(axis=1) - 1 - truth
saving = 32 * error[half].var() / bit_error[half].var()
assert 9 < saving < 12.5

fig, ax = plt.subplots(figsize=(6.2, 3.2))
fig.set_label(
    "Errors of estimates against the true similarity. They are widest in the middle, "
    "about 0.04 on average, and vanish at both ends, mostly inside the dotted lines."
)
some = rng.choice(len(truth), 3000, replace=False)
ax.plot(truth[some], error[some], ".", ms=3, alpha=0.4)
curve = np.linspace(0, 1, 101)
for sign in (-2, 2):
    ax.plot(curve, sign * np.sqrt(curve * (1 - curve) / 128), ":", color="C1", lw=2)
ax.set(xlabel="Jaccard similarity", ylabel="estimate minus truth", ylim=(-0.2, 0.2))

# %%
# Bands
# -----
# The 128 minima of three pairs, a band to each column: dark where they are equal. A
# band that is equal in all rows is framed, and makes the pair a candidate.

fig, axes = plt.subplots(1, 3, figsize=(6.4, 1.9), layout="constrained")
fig.set_label(
    "Three grids of 16 columns and 8 rows. At similarity 0.5 half of the cells are "
    "dark and no column is; at 0.7 one is, and at 0.9 several are, framed in orange."
)
for ax, wanted in zip(axes, (0.5, 0.7, 0.9), strict=True):
    near = np.abs(truth - wanted).argsort()[:51]
    full = equal[near].reshape(51, 16, 8).all(axis=2).sum(axis=1)
    pair = near[full.argsort(kind="stable")[25]]  # with a typical number of full bands
    cells = equal[pair].reshape(16, 8)
    ax.imshow(cells.T, cmap="Blues", vmin=-0.2, vmax=1.2)
    for band in np.flatnonzero(cells.all(axis=1)):
        ax.add_patch(plt.Rectangle((band - 0.5, -0.5), 1, 8, fc="none", ec="C1", lw=2))
    ax.set(
        title=f"J = {truth[pair]:.2f}: {cells.all(axis=1).sum()} full",
        xticks=[],
        yticks=[],
    )
axes[0].set_ylabel("8 rows")
axes[1].set_xlabel("16 bands")

# %%
# The S-curve
# -----------
# How many of the copies meet their original in some band. Lines are theory.

edges = np.arange(0.15, 1.01, 0.05)
bins = np.digitize(truth, edges)
groups = [bins == n for n in range(1, len(edges)) if np.count_nonzero(bins == n) > 100]
middles = [truth[group].mean() for group in groups]
code, candidates, worst = known @ [DOCUMENTS, 1], {}, 0.0

fig, ax = plt.subplots(figsize=(6.2, 3.4))
fig.set_label(
    "Four rising S-shaped curves with dots on them: the share of pairs that become "
    "candidates against similarity, for 64, 32, 16 and 8 bands. The fewer bands, the "
    "farther right the rise."
)
for color, bands in enumerate((64, 32, 16, 8)):
    candidates[bands] = colliding(band_keys(signatures, bands)) @ [DOCUMENTS, 1]
    met = np.isin(code, candidates[bands])
    theory = candidate_probability(truth, bands, 128 // bands)
    off = [met[group].mean() - theory[group].mean() for group in groups]
    worst = max(worst, np.abs(off).max())
    heights = candidate_probability(curve, bands, 128 // bands)
    ax.plot(curve, heights, color=f"C{color}", label=f"{bands} bands of {128 // bands}")
    ax.plot(middles, [met[group].mean() for group in groups], "o", color=f"C{color}")
ax.set(xlabel="Jaccard similarity", ylabel="share that become candidates")
ax.legend(fontsize="small")
assert worst < 0.08

# %%
# Against exact search
# --------------------
# Left: pairs that have to be compared. Right: the time of an exact search, through an
# index from shingles to documents, as a multiple of the time with hashing.


def exact(sets):
    """All pairs above the threshold, among those that share a shingle at all."""
    sizes, count = np.diff(sets.starts), len(sets.starts) - 1
    order = np.argsort(sets.members, kind="stable")
    ranks = np.empty(len(order), dtype=np.int32)
    ranks[order] = np.cumsum(np.diff(sets.members[order], prepend=0) != 0)
    ones = np.ones(len(ranks), dtype=np.int32)
    rows = csr_matrix((ones, ranks, sets.starts), shape=(count, ranks.max() + 1))
    columns, found, touched = rows.T.tocsr(), [], 0
    for begin in range(0, count, 2000):
        shared = (rows[begin : begin + 2000] @ columns).tocoo()
        first, second = shared.row + begin, shared.col
        union = sizes[first] + sizes[second] - shared.data
        touched += np.count_nonzero(second > first)
        kept = (second > first) & (shared.data >= THRESHOLD * union)
        found.append(np.stack([first[kept], second[kept]], axis=1))
    return np.concatenate(found).astype(np.int64), touched


def timed(search, *arguments):
    begin = time.process_time()
    return *search(*arguments), time.process_time() - begin


counts, compared, ratios = np.array([12_500, 25_000, 50_000, 100_000]), [], []
for count in counts:
    part = Sets(sets.members[: sets.starts[count]], sets.starts[: count + 1])
    wanted, touched, slow = timed(exact, part)
    found, met, fast = timed(near_duplicates, part, orders, 16, THRESHOLD)
    compared.append([count * (count - 1) / 2, touched, met])
    ratios.append(slow / max(fast, 1e-3))  # never by zero, should the clock be coarse
compared, wanted = np.array(compared), np.sort(wanted @ [DOCUMENTS, 1])
hits = {bands: np.isin(wanted, these).sum() for bands, these in candidates.items()}
halves = similarities(sets, np.stack(np.divmod(candidates[16], DOCUMENTS), axis=1))
promised = candidate_probability(truth[truth >= THRESHOLD], 16, 8).mean()
assert np.isin(found @ [DOCUMENTS, 1], wanted).all()
assert hits[16] == len(found) > (promised - 0.01) * len(wanted)
assert hits[64] > 0.999 * len(wanted)
assert compared[-1, 1] > 1000 * compared[-1, 2]
assert compared[-1, 1] / compared[0, 1] > 50 > 10 > compared[-1, 2] / compared[0, 2]

fig, (ax, right) = plt.subplots(1, 2, figsize=(6.4, 3), layout="constrained")
fig.set_label(
    "Left: pairs to compare against the number of documents, logarithmic. All pairs "
    "and those that share a shingle grow with the square, candidates in proportion. "
    "Right: the time of exact search over that of hashing, growing with the number."
)
labels = ["all", "share a shingle", "share a band"]
for number, (label, line) in enumerate(zip(labels, compared.T, strict=True)):
    ax.loglog(counts, line, "o-", color=f"C{number}", label=label)
ax.set(xlabel="documents", ylabel="pairs to compare", ylim=(100, 1e12))
ax.legend(fontsize="small", ncols=1)
right.semilogx(counts, ratios, "o-", color="C3")
right.axhline(1, color="0.5", ls=":")
right.set(xlabel="documents", ylabel="time, exact / hashing", ylim=(0, None))
for axis in (ax, right):
    axis.set_xticks([12_500, 50_000], ["12,500", "50,000"])
    axis.minorticks_off()

# %%
# SimHash
# -------
# In how many of 64 bits copies differ from their originals. The line is the angle
# between two sets of equal size.

prints = simhash(sets)
bits = np.bitwise_count(prints[known[:, 0]] ^ prints[known[:, 1]])
sizes = np.diff(sets.starts)[known]
cosine = truth / (1 + truth) * sizes.sum(axis=1) / np.sqrt(sizes.prod(axis=1))
angle = np.arccos(np.minimum(cosine, 1)) / np.pi
off = [np.mean((bits / 64 - angle)[group]) for group in groups]
assert np.abs(off).max() < 0.025
quarters = prints[:, None] >> np.uint64(16) * np.arange(4, dtype=np.uint64)
pairs = colliding(quarters & np.uint64(0xFFFF))
apart = np.bitwise_count(prints[pairs[:, 0]] ^ prints[pairs[:, 1]])
close = similarities(sets, pairs[apart <= 3]) >= THRESHOLD
assert close.mean() > 0.95
assert 0.2 < close.sum() / len(wanted) < 0.6

fig, ax = plt.subplots(figsize=(6.2, 3.2))
fig.set_label(
    "Differing bits against similarity: a band of dots around a falling curve, from 25 "
    "bits at similarity 0.2 to 12 at 0.7 and none at 1. Only dots far to the right lie "
    "below the dashed line at three bits."
)
jitter = rng.uniform(-0.3, 0.3, len(some))
ax.plot(truth[some], bits[some] + jitter, ".", ms=3, alpha=0.4)
ax.plot(curve, 64 * np.arccos(2 * curve / (1 + curve)) / np.pi, color="C1", lw=2)
ax.axhline(3, color="0.5", ls="--")
ax.set(xlabel="Jaccard similarity", ylabel="bits that differ", xlim=(0.1, 1.02))

per_document = {
    "shingles": sets.members.nbytes,
    "index": 16 * len(sets.members),  # each member by row and by column: place, count
    "signatures": signatures.nbytes,
    "keys": 8 * 16 * DOCUMENTS,
}
growth = np.polyfit(np.log(counts), np.log(compared), 1)[0]
assert np.all(np.abs(growth - [2, 2, 1]) < [0.01, 0.15, 0.2])
measured = {
    "growth_shared": float(growth[1]),
    "growth_met": float(growth[2]),
    "sharing": float(compared[-1, 1] / 1e6),
    "candidates": float(compared[-1, 2]),
    "wanted": float(len(wanted)),
    "found": float(len(found)),
    "recall": len(found) / len(wanted),
    "promised": float(promised),
    "identical": float((truth[truth >= THRESHOLD] == 1).mean()),
    "precision": len(found) / float(compared[-1, 2]),
    "halfway": float((halves > 0.5).mean()),
    "recall_few": hits[8] / len(wanted),
    "candidates_many": float(len(candidates[64])),
    "candidates_some": float(len(candidates[32])),
    "candidates_few": float(len(candidates[8])),
    "recall_some": hits[32] / len(wanted),
    "recall_many": hits[64] / len(wanted),
    "worst": float(worst),
    "bias": float(np.abs(bias).max()),
    "spread_low": float((spreads / predicted).min()),
    "spread_high": float((spreads / predicted).max()),
    "saving": float(saving),
    "angle_off": float(np.abs(off).max()),
    "close_precision": float(close.mean()),
    "close_recall": float(close.sum() / len(wanted)),
    "ratio_first": float(ratios[0]),
    "ratio_last": float(ratios[-1]),
} | {f"bytes_{name}": size / DOCUMENTS for name, size in per_document.items()}
