"""Prompts from a part of Python's help that a count model has not read.

Topics of the help quote one another, so each paragraph is kept once. The text is cut
into five folds: one is held out, the model counts the other four.
"""

from typing import NamedTuple

import torch
from jaxtyping import Int
from torch import Tensor

from snippets.language.byte_pair_encoding import Tokenizer, word_counts
from snippets.language.byte_pair_training import train
from snippets.language.count_model import CountModel
from snippets.language.help_text import help_text


class Fold(NamedTuple):
    """A model, and prompts from the text that it has not read."""

    tokenizer: Tokenizer
    model: CountModel
    prompts: Int[Tensor, "prompts length"]
    continuations: Int[Tensor, "prompts continued"]  # what stands there in the help


def held_out_prompts(
    fold: int, prompts: int = 20, length: int = 20, continued: int = 100
) -> Fold:
    """The fold with this number, from 0 to 4; prompts at equal distances.

    Examples
    --------
    >>> fold = held_out_prompts(0, prompts=3)
    >>> fold.prompts.shape, fold.continuations.shape, fold.model.order
    (torch.Size([3, 20]), torch.Size([3, 100]), 4)
    """
    paragraphs = list(dict.fromkeys(help_text().split("\n\n")))
    if not 0 <= fold < 5 or prompts < 1:
        raise ValueError(f"fold={fold} is not one of 0 to 4, or prompts={prompts}")
    first, last = (len(paragraphs) * i // 5 for i in (fold, fold + 1))
    read = "\n\n".join(paragraphs[:first] + paragraphs[last:])
    tokenizer = Tokenizer(train(word_counts(read), 500))
    model = CountModel(tokenizer.encode(read), len(tokenizer.tokens), order=4)
    held_out = torch.tensor(tokenizer.encode("\n\n".join(paragraphs[first:last])))
    windows = held_out.unfold(0, length + continued, 1)
    chosen = windows[torch.linspace(0, len(windows) - 1, prompts).long()]
    return Fold(tokenizer, model, chosen[:, :length], chosen[:, length:])
