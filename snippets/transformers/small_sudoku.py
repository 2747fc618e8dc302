"""Sudoku on a grid of 4 by 4: all solved grids, and puzzles with one solution.

Each row, each column and each box of 2 by 2 holds the digits 1 to 4. A grid is a row
of 16 digits; 0 marks an empty cell.

Axes: ``puzzles``, ``cells`` (16), ``grids`` (288).
"""

from itertools import permutations
from typing import NamedTuple

import torch
from jaxtyping import Bool, Int
from torch import Tensor

SIDE, BOX = 4, 2
CELLS = SIDE * SIDE


class Puzzles(NamedTuple):
    """Grids with empty cells, and the one solution of each."""

    given: Int[Tensor, "puzzles cells"]
    solution: Int[Tensor, "puzzles cells"]


def all_grids() -> Int[Tensor, "grids cells"]:
    """Every solved grid, built row by row.

    Examples
    --------
    >>> len(all_grids())
    288
    """
    rows = list(permutations(range(1, SIDE + 1)))
    grids: list[tuple[int, ...]] = [()]
    for _ in range(SIDE):
        grids = [g + row for g in grids for row in rows if row_fits(g, row)]
    return torch.tensor(grids)


def row_fits(above: tuple[int, ...], row: tuple[int, ...]) -> bool:
    """Whether no column and no box has a digit twice."""
    for cell, digit in enumerate(row):
        if digit in above[cell::SIDE]:
            return False
        if len(above) // SIDE % BOX:  # the row above shares the boxes
            left = cell - cell % BOX - SIDE + len(above)
            if digit in above[left : left + BOX]:
                return False
    return True


def matches(
    given: Int[Tensor, "puzzles given"], grids: Int[Tensor, "grids cells"]
) -> Bool[Tensor, "puzzles grids"]:
    """Which solved grids agree with the given digits of a puzzle."""
    if given.shape[-1] != CELLS or ((given < 0) | (given > SIDE)).any():
        raise ValueError(
            f"puzzles of {given.shape[-1]} cells with digits "
            f"{given.unique().tolist()}: needs {CELLS} cells, 0 to {SIDE}"
        )
    one_hot = torch.nn.functional.one_hot(given, SIDE + 1)[..., 1:].float().flatten(1)
    digits = torch.nn.functional.one_hot(grids - 1, SIDE).float().flatten(1)
    return one_hot @ digits.T == (given > 0).sum(dim=1, keepdim=True)


def canonical(given: Int[Tensor, "puzzles cells"]) -> Int[Tensor, "puzzles cells"]:
    """Rename the digits in the order in which they first appear.

    Examples
    --------
    >>> canonical(torch.tensor([[0, 3, 1, 3]]))
    tensor([[0, 1, 2, 1]])
    """
    digits = torch.arange(1, SIDE + 1)
    present = given[:, None] == digits[:, None]
    first = torch.where(present.any(dim=-1), present.int().argmax(dim=-1), CELLS)
    rank = 1 + first.argsort(dim=-1, stable=True).argsort(dim=-1)
    return rename(given, rank)


def rename(
    given: Int[Tensor, "puzzles cells"], names: Int[Tensor, "puzzles digits"]
) -> Int[Tensor, "puzzles cells"]:
    """Replace the digits 1 to 4 of each puzzle by its own names; 0 stays."""
    zero = torch.zeros_like(names[:, :1])
    return torch.cat([zero, names], dim=1).gather(1, given)


def draw_puzzles(count: int, givens: int, generator: torch.Generator) -> Puzzles:
    """Puzzles with one solution, no two the same up to the names of the digits.

    Raises
    ------
    ValueError
        If ``count`` or ``givens`` is too small or too large.
    """
    if count < 1 or not 4 <= givens <= CELLS:
        raise ValueError(f"{count=} puzzles with {givens=} of {CELLS} cells")
    grids = all_grids()
    which = torch.randint(len(grids), (40 * count,), generator=generator)
    order = torch.rand(40 * count, CELLS, generator=generator).argsort(dim=1)
    given = grids[which].masked_fill(order >= givens, 0)
    unique = matches(given, grids).sum(dim=1) == 1
    given, which = given[unique], which[unique]
    code = canonical(given) @ (SIDE + 1) ** torch.arange(CELLS)
    _, group = code.unique(return_inverse=True)
    first = torch.full((len(code),), len(code)).scatter_reduce(
        0, group, torch.arange(len(code)), "amin"
    )
    kept = first[first < len(code)].sort().values[:count]
    if len(kept) < count:
        raise ValueError(f"only {len(kept)} of {count} puzzles found with {givens=}")
    return Puzzles(given[kept], grids[which[kept]])


def split(puzzles: Puzzles) -> tuple[Puzzles, Puzzles]:
    """The first half for training, the second for testing."""
    half = len(puzzles.given) // 2
    first, second = zip(*((g[:half], g[half:]) for g in puzzles), strict=True)
    return Puzzles(*first), Puzzles(*second)
