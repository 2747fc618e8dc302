"""Token embeddings: a table with one row for each token, read by index.

Bengio, Ducharme, Vincent and Jauvin (2003), https://jmlr.org/papers/v3/bengio03a.html;
one table for input and output: Press and Wolf (2017), https://aclanthology.org/E17-2025.

Symbols::

    C of Bengio, U of Press and Wolf   table; also the weight of ``torch.nn.Embedding``
    V of Press and Wolf                the output table; in a tied model, table again
    h_2 of Press and Wolf              hidden

Axes::

    batch    positions of the text (any number of leading axes)
    vocab    tokens, each with a row
    added    tokens that are added to the vocabulary
    d_model  features of a token
    count    neighbors of a token
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from snippets.foundations.vector_geometry import unit


def check_ids(ids: Int[Tensor, "*batch"], vocab: int) -> None:
    """Refuse ids without a row: ``table[-1]`` would be the last row, without a word.

    Raises
    ------
    ValueError
        If an id is negative, or not below ``vocab``.
    """
    wrong = ids[(ids < 0) | (ids >= vocab)]
    if len(wrong):
        raise ValueError(f"id {wrong[0]} is not among the {vocab} tokens")


def lookup(
    table: Float[Tensor, "vocab d_model"], ids: Int[Tensor, "*batch"]
) -> Float[Tensor, "*batch d_model"]:
    """The row of each id.

    Examples
    --------
    >>> table = torch.tensor([[0, 1.0], [2, 3], [4, 5]])
    >>> lookup(table, torch.tensor([2, 0, 2]))
    tensor([[4., 5.],
            [0., 1.],
            [4., 5.]])
    """
    check_ids(ids, len(table))
    return table[ids.long()]


def lookup_as_product(
    table: Float[Tensor, "vocab d_model"], ids: Int[Tensor, "*batch"]
) -> Float[Tensor, "*batch d_model"]:
    """The same as a matrix product: each id becomes a row with a single one."""
    check_ids(ids, len(table))
    one_hot = F.one_hot(ids.long(), len(table)).to(table.dtype)
    return one_hot @ table


def lookup_gradient(
    ids: Int[Tensor, "*batch"],
    gradient: Float[Tensor, "*batch d_model"],
    vocab: int,
    padding_idx: int | None = None,
) -> Float[Tensor, "vocab d_model"]:
    """The gradient of the table, from that of the rows that were read.

    Rows of the same id are summed. Rows that were not read get zero, and so does
    the row of ``padding_idx``.

    Raises
    ------
    ValueError
        If an id has no row, or if ``gradient`` has not one row for each id.

    Examples
    --------
    >>> rows = torch.tensor([[1, 2.0], [3, 4], [5, 6]])
    >>> lookup_gradient(torch.tensor([2, 0, 2]), rows, vocab=3)
    tensor([[3., 4.],
            [0., 0.],
            [6., 8.]])
    """
    check_ids(ids, vocab)
    *batch, d_model = gradient.shape
    if batch != list(ids.shape):
        raise ValueError(f"{batch} rows of gradient for {list(ids.shape)} ids")
    rows = gradient.reshape(ids.numel(), d_model)
    table = gradient.new_zeros(vocab, d_model)
    table.index_add_(0, ids.flatten().long(), rows)
    if padding_idx is not None:
        check_ids(torch.tensor(padding_idx), vocab)
        table[padding_idx] = 0
    return table


class TiedEmbedding(nn.Module):
    """One table: times ``sqrt(d_model)`` at the input, as it is at the output.

    Raises
    ------
    ValueError
        If the table would be empty.

    Examples
    --------
    >>> layer = TiedEmbedding(vocab=50, d_model=16)
    >>> ids = torch.tensor([[3, 1, 4]])
    >>> layer.logits(layer(ids)).shape
    torch.Size([1, 3, 50])
    """

    def __init__(self, vocab: int, d_model: int):
        super().__init__()
        if vocab < 1 or d_model < 1:
            raise ValueError(f"a table of {vocab} rows, {d_model} features")
        self.weight = nn.Parameter(torch.randn(vocab, d_model) / d_model**0.5)

    def forward(self, ids: Int[Tensor, "*batch"]) -> Float[Tensor, "*batch d_model"]:
        return lookup(self.weight, ids) * self.weight.shape[1] ** 0.5

    def logits(
        self, hidden: Float[Tensor, "*batch d_model"]
    ) -> Float[Tensor, "*batch vocab"]:
        """A score for each token: the dot product with its row."""
        return hidden @ self.weight.T


def nearest(
    table: Float[Tensor, "vocab d_model"], count: int
) -> Int[Tensor, "vocab count"]:
    """The ids with the largest cosine to each token, the nearest first.

    Examples
    --------
    >>> nearest(torch.tensor([[1, 0.0], [9, 1], [0, 1]]), count=1).T
    tensor([[1, 0, 1]])
    """
    if not 1 <= count < len(table):
        raise ValueError(f"count={count} of {len(table) - 1} other tokens")
    directions = unit(table)
    cosines = directions @ directions.T
    cosines.fill_diagonal_(-torch.inf)  # a token is no neighbor of itself
    return cosines.topk(count).indices


def overlap(
    first: Int[Tensor, "vocab count"], second: Int[Tensor, "vocab count"]
) -> float:
    """The share of neighbors in ``first`` that are in ``second``, too.

    Raises
    ------
    ValueError
        If the two name different numbers of tokens, or none.

    Examples
    --------
    >>> overlap(torch.tensor([[3, 1]]), torch.tensor([[1, 2]]))
    0.5
    """
    if len(first) != len(second) or first.numel() == 0:
        raise ValueError(f"neighbors of {len(first)} and of {len(second)} tokens")
    return (first[:, :, None] == second[:, None]).any(dim=2).double().mean().item()


def grow(
    table: Float[Tensor, "vocab d_model"], added: int
) -> Float[Tensor, "vocab_and_added d_model"]:
    """Append rows for new tokens, each the mean of the old rows."""
    if added < 0 or len(table) == 0:
        raise ValueError(f"added={added} rows to a table of {len(table)}")
    return torch.cat([table, table.mean(dim=0).expand(added, -1)])
