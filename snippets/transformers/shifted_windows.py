"""Windows of a feature map, and windows that are shifted, at the same cost.

Liu et al. (2021), https://arxiv.org/abs/2103.14030, section 3.2.

Symbols of the paper -> names here::

    h, w          height, width: rows and columns of tokens
    M             window_size
    floor(M / 2)  shift
    sub-window    region

Axes::

    batch     independent images (any number of leading axes)
    height, width  tokens of a feature map
    windows   windows of a feature map, row by row
    tokens    tokens of a window, row by row: ``window_size**2``
    features  features of a token
"""

import torch
from jaxtyping import Bool, Int, Shaped
from torch import Tensor


def window_grid(height: int, width: int, window_size: int) -> tuple[int, int]:
    """Rows and columns of windows.

    Raises
    ------
    ValueError
        If the window is larger than the feature map or does not divide its sides.
    """
    sides = f"{height} x {width} tokens"
    if window_size < 1 or min(height, width) < window_size:
        raise ValueError(f"{window_size=} does not fit into {sides}")
    if height % window_size or width % window_size:
        raise ValueError(f"{window_size=} does not divide {sides}")
    return height // window_size, width // window_size


def window_partition(
    x: Shaped[Tensor, "*batch height width features"], window_size: int
) -> Shaped[Tensor, "*batch windows tokens features"]:
    """Cut a feature map into windows.

    Examples
    --------
    >>> x = torch.arange(8).reshape(2, 4, 1)
    >>> x[..., 0]
    tensor([[0, 1, 2, 3],
            [4, 5, 6, 7]])
    >>> window_partition(x, window_size=2)[..., 0]
    tensor([[0, 1, 4, 5],
            [2, 3, 6, 7]])
    """
    rows, columns = window_grid(*x.shape[-3:-1], window_size)
    x = x.unflatten(-2, (columns, window_size))
    x = x.unflatten(-4, (rows, window_size))
    x = x.transpose(-4, -3)  # rows, columns, M, M, features
    return x.flatten(-3, -2).flatten(-4, -3)


def window_reverse(
    windows: Shaped[Tensor, "*batch windows tokens features"], height: int, width: int
) -> Shaped[Tensor, "*batch {height} {width} features"]:
    """Put windows together again; the inverse of :func:`window_partition`.

    Raises
    ------
    ValueError
        If windows of this size do not fill the feature map.
    """
    count, tokens = windows.shape[-3:-1]
    window_size = round(tokens**0.5)
    grid = window_grid(height, width, window_size)
    if window_size**2 != tokens or grid[0] * grid[1] != count:
        given = f"{count} windows of {tokens} tokens"
        raise ValueError(f"{given} do not fill {height} x {width}")
    x = windows.unflatten(-3, grid).unflatten(-2, (window_size, window_size))
    x = x.transpose(-4, -3)  # rows, M, columns, M, features
    return x.flatten(-3, -2).flatten(-4, -3)


def shift_regions(
    height: int, width: int, window_size: int, shift: int
) -> Int[Tensor, "{height} {width}"]:
    """For each place of the rolled map, the number of the region that it is in.

    Raises
    ------
    ValueError
        If windows do not fill the map, or if the shift is not within a window.

    Examples
    --------
    >>> shift_regions(4, 4, window_size=2, shift=1)
    tensor([[0, 0, 1, 2],
            [0, 0, 1, 2],
            [3, 3, 4, 5],
            [6, 6, 7, 8]])
    """
    window_grid(height, width, window_size)
    if not 0 <= shift < window_size:
        raise ValueError(f"{shift=} must be at least 0 and below {window_size=}")
    bands = []
    for side in (height, width):
        place = torch.arange(side)
        last_window = (place >= side - window_size).long()
        bands.append(last_window + (place >= side - shift))
    return 3 * bands[0][:, None] + bands[1]


def shift_mask(
    height: int, width: int, window_size: int, shift: int
) -> Bool[Tensor, "windows tokens tokens"]:
    """True where two tokens of a rolled window are of the same region."""
    regions = shift_regions(height, width, window_size, shift)[..., None]
    region = window_partition(regions, window_size)  # (windows, tokens, 1)
    return region == region.mT
