"""Learned positions: one trained row of a table for each position.

Gehring et al. (2017), https://arxiv.org/abs/1705.03122

Symbols::

    P  table
    L  max_len, rows
    t  positions

Axes::

    batch    independent sequences
    seq      tokens of a sequence
    rows     positions that have a row in the table
    length   rows after interpolation
    d_model  features of a token
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn


class LearnedPositions(nn.Module):
    """A table of ``max_len`` rows, looked up by position.

    Parameters
    ----------
    std
        Standard deviation of the random table before training.

    Raises
    ------
    ValueError
        If the table would be empty.

    Examples
    --------
    GPT-2 keeps a row of 768 numbers for each of 1024 positions:

    >>> table = LearnedPositions(max_len=1024, d_model=768).table
    >>> table.weight.numel()
    786432
    """

    def __init__(self, *, max_len: int, d_model: int, std: float = 0.02) -> None:
        super().__init__()
        if max_len < 1 or d_model < 1:
            raise ValueError(f"an empty table: {max_len=}, {d_model=}")
        self.table = nn.Embedding(max_len, d_model)
        nn.init.normal_(self.table.weight, std=std)

    def forward(
        self, positions: Int[Tensor, "*batch seq"]
    ) -> Float[Tensor, "*batch seq d_model"]:
        """Rows of ``positions``; ``IndexError`` for a position without one."""
        rows, positions = self.table.num_embeddings, positions.long()
        unknown = positions[(positions < 0) | (positions >= rows)]
        if len(unknown):
            raise IndexError(f"position {unknown[0]}, but the table has {rows} rows")
        return self.table(positions)


def interpolate(
    table: Float[Tensor, "rows d_model"], length: int
) -> Float[Tensor, "length d_model"]:
    """Stretch a table to ``length`` rows by linear interpolation.

    New row p is read at the place ``(p + 1/2) * rows / length - 1/2`` of the old table,
    which aligns the centers of old and new rows, as ``align_corners=False`` of PyTorch
    does. Places before the first center or after the last one get the nearest row.

    Raises
    ------
    ValueError
        If either table would be empty.

    Examples
    --------
    >>> interpolate(torch.tensor([[0.0], [4.0]]), length=4)[:, 0]
    tensor([0., 1., 3., 4.])
    """
    rows = len(table)
    if rows < 1 or length < 1:
        raise ValueError(f"cannot stretch {rows} rows to {length}")
    new = torch.arange(length, dtype=torch.float64, device=table.device)
    place = ((new + 0.5) * rows / length - 0.5).clamp(0, rows - 1)
    below = place.long()
    above = (below + 1).clamp(max=rows - 1)
    share = (place - below)[:, None].to(table)  # (length, 1)
    return (1 - share) * table[below] + share * table[above]
