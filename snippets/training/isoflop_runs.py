"""Small models of several widths, trained on Python's help for equal budgets.

The model is that of Bengio et al. (2003), with characters in place of words

Symbols::

    N    matrix_parameters    all weights that enter a product for each token
    D    examples             tokens that the model learns to predict, each once
    C    budget               6 N D

Axes::

    examples    places in the text
    next        eight characters and the one after them
"""

from typing import NamedTuple

import torch
from jaxtyping import Int
from torch import Tensor

from snippets.language.help_text import split_help_text
from snippets.language.window_model import WindowModel, loss_of, train

WINDOW, D_MODEL = 8, 16


class Places(NamedTuple):
    """Examples for training in random order, and others for the test."""

    learned: Int[Tensor, "examples next"]
    held_out: Int[Tensor, "tested next"]
    vocab: int


def help_places(seed: int) -> Places:
    """Characters of four fifths of the topics, and each twentieth place of the rest."""
    texts = split_help_text(seed)
    ids = {character: id for id, character in enumerate(sorted(set("".join(texts))))}
    learned, held_out = (
        torch.tensor([ids[c] for c in text]).unfold(0, WINDOW + 1, 1) for text in texts
    )
    order = torch.randperm(len(learned), generator=torch.Generator().manual_seed(seed))
    return Places(learned[order], held_out[::20], len(ids))


def matrix_parameters(width: int, vocab: int) -> int:
    """Weights of the hidden layer, of the layer after it, and of the output."""
    return WINDOW * D_MODEL * width + width * D_MODEL + D_MODEL * vocab


def isoflop_run(
    places: Places, width: int, budget: float, *, rate: float, seed: int
) -> tuple[int, int, float]:
    """Train one model for a budget; its N, its D, and its held-out loss.

    Raises
    ------
    ValueError
        If the budget is not enough for a batch, or more than the text is long.
    """
    N = matrix_parameters(width, places.vocab)
    D = int(budget / (6 * N))
    if not 128 <= D <= len(places.learned):
        raise ValueError(f"{budget=} gives {D=} of {len(places.learned)} examples")
    torch.manual_seed(seed)
    model = WindowModel(places.vocab, D_MODEL, WINDOW, width, tied=False)
    for _ in train(model, places.learned[:D], 1, learning_rate=rate, batch=128):
        pass
    with torch.no_grad():
        return N, D, loss_of(model, places.held_out).item()
