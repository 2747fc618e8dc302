"""Ways to give items rows of a table, and how well each ranks clicks.

Axes::

    items   of a catalog
    groups  known items, rarely shown ones, and new ones
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int
from numpy import ndarray
from scipy.sparse import csr_matrix

from snippets.recommenders.click_model import Cells, auc, fit_tuned
from snippets.recommenders.id_pieces import (
    learn_pieces,
    ngrams,
    prefixes,
    row_matrix,
    spell,
)
from snippets.recommenders.nested_catalog import Clicks, draw_clicks

RIDGES = (3.0, 1.0, 0.3)
RARE = 10  # impressions or fewer
CORPUS = 20_000  # impressions that SentencePiece learns from

Codes = Sequence[Sequence[int]]


class Trial(NamedTuple):
    shown: Int[ndarray, " items"]
    training: Cells
    validation: Cells
    positive: Float[ndarray, "groups items"]
    """What part of the group's impressions are clicked ones of the item."""
    negative: Float[ndarray, "groups items"]


def cells_of(clicked: Int[ndarray, " items"], shown: Int[ndarray, " items"]) -> Cells:
    """A cell for each item; the offset is the log-odds of all clicks together."""
    base = np.log(clicked.sum() / (shown.sum() - clicked.sum()))
    return Cells(np.arange(len(shown)), clicked, shown, np.full(len(shown), base))


def draw_trial(
    leaf: Int[ndarray, " items"], new: Bool[ndarray, " items"], seed: int
) -> Trial:
    """60,000 impressions to train on, and 15,000 that choose the ridge."""
    clicks: Clicks = draw_clicks(leaf, new, 60_000, seed)
    rng, chance = np.random.default_rng([seed, 1]), clicks.chance
    later = rng.multinomial(15_000, clicks.popularity)
    rare = clicks.popularity * (clicks.shown <= RARE)
    groups = np.array([clicks.popularity, rare, new * 1.0])
    return Trial(
        clicks.shown,
        cells_of(clicks.clicked, clicks.shown),
        cells_of(rng.binomial(later, chance), later),
        groups * chance,
        groups * (1 - chance),
    )


def areas(trial: Trial, features: csr_matrix) -> Float[ndarray, " groups"]:
    """Expected AUC of each group, with the best ridge on the validation cells."""
    scores = fit_tuned(features, trial.training, trial.validation, RIDGES)
    return np.array(
        [
            auc(scores, positive, negative)
            for positive, negative in zip(trial.positive, trial.negative, strict=True)
        ]
    )


def hashed(
    items: int, rows: Sequence[int], rng: np.random.Generator
) -> dict[str, csr_matrix]:
    """A row at random for each item, in tables of several sizes."""
    drawn = {f"hash {count}": rng.integers(count, size=(items, 1)) for count in rows}
    return {name: row_matrix(rows) for name, rows in drawn.items()}


def learned(
    ids: Codes,
    size: int,
    vocabularies: Sequence[int],
    shown: Int[ndarray, " items"],
    rng: np.random.Generator,
) -> dict[str, csr_matrix]:
    """Pieces that SentencePiece learns from impressions, for several vocabularies."""
    words = [spell(one, size) for one in ids]
    drawn = rng.permutation(np.repeat(np.arange(len(ids)), shown))[:CORPUS]
    corpus = [words[item] for item in drawn]
    models = {count: learn_pieces(corpus, count) for count in vocabularies}
    return {
        f"SentencePiece {count}": row_matrix(model.encode(words, out_type=str))
        for count, model in models.items()
    }


def by_hand(ids: Codes, rng: np.random.Generator) -> dict[str, csr_matrix]:
    """n-grams, prefixes, prefixes of another item, and a row for each item."""
    paths, items = [prefixes(one) for one in ids], range(len(ids))
    pieces = {f"{n}-grams": [ngrams(one, n) for one in ids] for n in (1, 2)}
    pieces |= {"prefixes": paths}
    pieces |= {"shuffled prefixes": [paths[item] for item in rng.permutation(items)]}
    pieces |= {"own row": [[item] for item in items]}
    pieces |= {"prefixes, own row": [[*paths[item], item] for item in items]}
    return {name: row_matrix(rows) for name, rows in pieces.items()}
