"""Letter models: a small decoder trained on letters, and a table as its draft.

The letters are those of Python's help texts. The table holds the mean probabilities of
the decoder after each pair of letters: a bigram draft, distilled from its target.

Axes::

    letters  all letters of the text, as numbers
    pairs    two letters in a row, ``vocab ** 2``
    vocab    different letters
    seq      letters of a text
    last     positions at its end
"""

from collections.abc import Callable

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.functional import cross_entropy

from snippets.foundations.resource_accounting import Decoder
from snippets.inference.help_texts import LETTERS, help_letters
from snippets.inference.tiny_decoder import TinyDecoder

VOCAB = len(LETTERS)


def training_letters() -> Int[Tensor, " letters"]:
    """The text as numbers."""
    return torch.tensor([LETTERS.index(letter) for letter in help_letters(200_000)])


def trained_decoder(
    letters: Int[Tensor, " letters"], steps: int = 120, layers: int = 4
) -> TinyDecoder:
    """Layers of width 64, trained on batches of 16 passages of 48 letters."""
    sizes = Decoder(
        layers=layers,
        d_model=64,
        heads=4,
        kv_heads=4,
        head_dim=16,
        d_ff=128,
        vocab=VOCAB,
    )
    model = TinyDecoder(sizes)
    optimizer = torch.optim.AdamW(model.parameters(), 5e-3)
    for step in range(steps):
        rate = 5e-3 * min(1, (step + 1) / 10, 2 - 2 * step / steps)
        optimizer.param_groups[0]["lr"] = rate
        starts = torch.randint(len(letters) - 49, (16, 1))
        text = letters[starts + torch.arange(49)]
        logits = model.lm_head(model(text[:, :-1]))
        loss = cross_entropy(logits.flatten(0, 1), text[:, 1:].flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return model.requires_grad_(False)


def pair_table(
    model: TinyDecoder, letters: Int[Tensor, " letters"]
) -> Callable[[Int[Tensor, " seq"], int], Float[Tensor, "last vocab"]]:
    """A draft that looks two letters back: the mean of ``model`` over 400 passages."""
    text = letters[: 48 * 400].view(400, 48)
    after = model.lm_head(model(text))[:, 1:].softmax(dim=-1).flatten(0, 1)
    pairs = (VOCAB * text[:, :-1] + text[:, 1:]).flatten()
    table = torch.full((VOCAB**2, VOCAB), 1 / VOCAB).index_add(0, pairs, after)
    table /= table.sum(dim=1, keepdim=True)

    def draft(text: Tensor, last: int) -> Tensor:
        ends = text[-last - 1 :]
        return table[VOCAB * ends[:-1] + ends[1:]]

    return draft
