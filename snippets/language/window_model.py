"""A small language model: the next word from the words before it.

The model of Bengio, Ducharme, Vincent and Jauvin (2003),
https://jmlr.org/papers/v3/bengio03a.html, without its optional connections from input
to output. One table may serve both ends. Also the words that it is trained on.

Symbols::

    C       table            H, d    the layer hidden
    n - 1   window           U, b    output and its bias; a layer of width d_model first
"""

import re
from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from snippets.language.help_text import help_text, split_help_text
from snippets.language.token_embeddings import lookup

OTHER = "<other>"


class Words(NamedTuple):
    """The vocabulary, and the ids of two texts; id 0 is every word that is rare."""

    vocabulary: list[str]
    train: Int[Tensor, " seq"]
    held_out: Int[Tensor, " held_out"]


def split_into_words(text: str) -> list[str]:
    """Lower-case names and words, digits, and other characters.

    Examples
    --------
    >>> split_into_words("See __add__(), PEP 8.")
    ['see', '__add__', '(', ')', ',', 'pep', '8', '.']
    """
    return re.findall(r"[a-z_]+|[0-9]|[^\sa-z0-9_]", text.lower())


def help_words(seed: int, size: int) -> Words:
    """Topics of Python's help, of which a fifth is held out."""
    counts = Counter(split_into_words(help_text()))
    if not 2 <= size <= len(counts):
        raise ValueError(f"size={size} of a vocabulary of {len(counts)} words")
    vocabulary = [OTHER, *(word for word, _ in counts.most_common(size - 1))]
    ids = {word: number for number, word in enumerate(vocabulary)}
    parts = (
        torch.tensor([ids.get(word, 0) for word in split_into_words(text)])
        for text in split_help_text(seed)
    )
    return Words(vocabulary, *parts)


class WindowModel(nn.Module):
    """Rows of the last words, a hidden layer, and a score for each next word."""

    def __init__(self, vocab: int, d_model: int, window: int, width: int, tied: bool):
        super().__init__()
        if min(vocab, d_model, window, width) < 1:
            raise ValueError(f"{vocab=}, {d_model=}, {window=}, {width=}: one is empty")
        self.table = nn.Parameter(torch.randn(vocab, d_model) / d_model**0.5)
        new = torch.randn(vocab, d_model) / d_model**0.5
        self.output = self.table if tied else nn.Parameter(new)
        self.hidden = nn.Linear(window * d_model, width)
        self.project = nn.Linear(width, d_model)
        self.bias = nn.Parameter(torch.zeros(vocab))

    def forward(
        self, words: Int[Tensor, "*batch window"]
    ) -> Float[Tensor, "*batch vocab"]:
        rows = lookup(self.table, words) * self.table.shape[1] ** 0.5
        hidden = torch.tanh(self.hidden(rows.flatten(-2)))
        return self.project(hidden) @ self.output.T + self.bias


def loss_of(model: WindowModel, windows: Int[Tensor, "batch next"]) -> Tensor:
    """Cross-entropy of the last word of each row, given the others, in nats."""
    return F.cross_entropy(model(windows[:, :-1]), windows[:, -1])


def train(
    model: WindowModel,
    windows: Int[Tensor, "samples next"],
    epochs: int,
    weight_decay: float = 0.0,
    learning_rate: float = 0.01,
    batch: int = 512,
) -> Iterator[int]:
    """Train with AdamW; yield the number of steps after each.

    The learning rate falls along a line to zero.
    """
    steps = epochs * -(-len(windows) // batch)
    optimizer = torch.optim.AdamW(
        model.parameters(), learning_rate, weight_decay=weight_decay, fused=True
    )
    falling = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.0, steps)
    step = 0
    for _ in range(epochs):
        for chosen in torch.randperm(len(windows)).split(batch):
            optimizer.zero_grad()
            loss_of(model, windows[chosen]).backward()
            optimizer.step()
            falling.step()
            step += 1
            yield step
