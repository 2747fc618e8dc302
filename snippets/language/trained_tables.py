"""Tables of two models that are trained on Python's help, and tables from counts."""

from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from snippets.foundations.vector_geometry import factorize, pmi
from snippets.language.window_model import (
    WindowModel,
    Words,
    help_words,
    loss_of,
    train,
)

D_MODEL = 24

Table = Float[Tensor, "vocab d_model"]


class Tables(NamedTuple):
    """The words, four tables, and the losses on held-out topics."""

    words: Words
    first: Table  # the input table of the untied model before training
    input: Table
    output: Table
    tied: Table
    loss_untied: float
    loss_tied: float


def trained_tables(
    seed: int, vocab: int = 300, epochs: int = 4, share: float = 1.0
) -> Tables:
    """Train both models on the same windows of four words, from different rows.

    Parameters
    ----------
    share
        How much of the training text is used, from its beginning.
    """
    if not 0 < share <= 1:
        raise ValueError(f"share={share} of the text is not in (0, 1]")
    words = help_words(seed, vocab)
    windows = words.train[: round(share * len(words.train))].unfold(0, 4, 1)
    held_out = words.held_out.unfold(0, 4, 1)
    tables, losses = [], []
    for tied in (False, True):
        torch.manual_seed(10 * seed + tied)  # or both would begin with the same table
        model = WindowModel(vocab, D_MODEL, window=3, width=64, tied=tied)
        tables.append(model.table.detach().clone())
        for _ in train(model, windows, epochs, learning_rate=0.03, batch=1024):
            pass
        tables += [model.table.detach(), model.output.detach()]
        with torch.no_grad():
            losses.append(loss_of(model, held_out).item())
    first, rows, output, _, both, _ = tables
    return Tables(words, first, rows, output, both, *losses)


def counted_tables(ids: Int[Tensor, " seq"], vocab: int) -> tuple[Table, Table]:
    """Each word by what follows it, and by what precedes it, without a model.

    Pairs of neighbors are counted. The matrix of their positive pointwise mutual
    information is factorized, as it is and transposed.
    """
    pairs = torch.bincount(ids[:-1] * vocab + ids[1:], minlength=vocab**2)
    positive = pmi(pairs.view(vocab, vocab).float(), smoothing=0.01).clamp(min=0)
    return factorize(positive, D_MODEL), factorize(positive.T, D_MODEL)
