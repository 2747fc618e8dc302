"""Merge a burst of noisy frames: align, average, reject what moved.

Hasinoff et al. (2016), https://doi.org/10.1145/2980179.2980254; phase correlation:
Kuglin and Hines (1975).

Glossary, all in linear light::

    N, sigma    frames of a burst; standard deviation of the noise in each
    F_1, F_2    spectra of the reference and of another frame
    T_z         spectrum of a tile in frame z; T_0 is that of the reference
    D_z, A_z    T_0 - T_z, and the share of it that is added to T_z again

Axes::

    frames  images of one burst, the first is the reference
    height  rows of pixels, from the top
    width   columns of pixels, from the left
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray

Image = Float[ndarray, "height width"]


def psnr(
    clean: Float[ndarray, "*shape"], image: Float[ndarray, "*shape"], peak: float = 1.0
) -> float:
    """Peak signal-to-noise ratio in decibels, 10 log10(peak^2 / MSE).

    Examples
    --------
    >>> print(round(psnr(np.zeros(4), np.full(4, 0.1)), 6))
    20.0
    """
    if clean.size == 0 or peak <= 0:
        raise ValueError(f"{clean.size} pixels and {peak=}: no ratio")
    error = np.mean((clean - image) ** 2)
    return float(10 * np.log10(peak**2 / error)) if error > 0 else float("inf")


def check_frames(frames: list[ndarray]) -> None:
    """Raise ``ValueError`` for frames that cannot be merged."""
    if len(frames) < 2:
        raise ValueError(f"{len(frames)} frame: a merge needs at least 2")
    shapes = {frame.shape for frame in frames}
    if len(shapes) > 1:
        raise ValueError(f"frames of different sizes: {sorted(shapes)}")
    if frames[0].size == 0 or not all(np.isfinite(frame).all() for frame in frames):
        raise ValueError(f"frames of {frames[0].shape} need finite pixels")


def mean_merge(frames: list[Image]) -> Image:
    """Average of aligned frames."""
    check_frames(frames)
    return np.mean(frames, axis=0)


def find_shift(reference: Image, frame: Image) -> Int[ndarray, " 2"]:
    """Rows down and columns right by which ``frame`` must move onto ``reference``.

    Examples
    --------
    >>> reference = np.random.default_rng(0).random((8, 9))
    >>> frame = np.roll(reference, (2, -3), axis=(0, 1))
    >>> find_shift(reference, frame)
    array([-2,  3])
    """
    check_frames([reference, frame])
    product = np.fft.fft2(reference) * np.fft.fft2(frame).conj()
    tiny = 100 * np.finfo(product.real.dtype).eps
    correlation = np.fft.ifft2(product / np.maximum(np.abs(product), tiny))
    shift = np.array(np.unravel_index(np.abs(correlation).argmax(), correlation.shape))
    size = np.array(reference.shape)
    return np.where(shift > size // 2, shift - size, shift)


class Aligned(NamedTuple):
    """Frames on the part of the scene that all of them show."""

    frames: list[ndarray]
    rows: slice  # of the reference
    columns: slice


def shift_frames(frames: list[Image], shifts: list[Int[ndarray, " 2"]]) -> Aligned:
    """Move each frame by whole pixels and cut off what some frame does not show."""
    check_frames(frames)
    if len(shifts) != len(frames):
        raise ValueError(f"{len(shifts)} shifts for {len(frames)} frames")
    low = np.maximum(np.max(shifts, axis=0), 0)
    high = np.array(frames[0].shape) + np.minimum(np.min(shifts, axis=0), 0)
    if (low >= high).any():
        raise ValueError(f"frames of {frames[0].shape} have no pixel in common")
    rows, columns = (slice(int(a), int(b)) for a, b in zip(low, high, strict=True))
    moved = [
        np.roll(frame, shift, axis=(0, 1))[rows, columns]
        for frame, shift in zip(frames, shifts, strict=True)
    ]
    return Aligned(moved, rows, columns)


def align(frames: list[Image]) -> Aligned:
    """Move all frames onto the first."""
    check_frames(frames)
    return shift_frames(frames, [find_shift(frames[0], frame) for frame in frames])


def merge_spectra(
    tiles: Float[ndarray, "frames height width"], sigma: float, tuning: float
) -> Image:
    """One tile of all frames, merged frequency by frequency."""
    T = np.fft.fft2(tiles)
    D = T[0] - T
    noise = 2 * tiles[0].size * sigma**2  # of |D|^2, if only noise differs
    power = np.abs(D) ** 2
    A = power / (power + tuning * noise)
    return np.fft.ifft2((T + A * D).mean(axis=0)).real


def robust_merge(
    frames: list[Image], sigma: float, tuning: float = 8.0, tile: int = 16
) -> Image:
    """Average of aligned frames that falls back to the first where they disagree.

    Parameters
    ----------
    tuning
        Factor of the noise; larger removes more noise and lets more ghosts pass.
    tile
        Rows and columns of a tile, even; tiles overlap by half.
    """
    check_frames(frames)
    if sigma <= 0 or tuning <= 0 or tile < 2 or tile % 2:
        raise ValueError(f"cannot merge with {sigma=}, {tuning=}, {tile=}")
    half = tile // 2
    height, width = frames[0].shape
    ends = [(half, half + -size % half) for size in (height, width)]
    padded = np.pad(frames, [(0, 0), *ends], mode="symmetric")
    ramp = 0.5 - 0.5 * np.cos(2 * np.pi * (np.arange(tile) + 0.5) / tile)
    window = ramp[:, None] * ramp  # windows that overlap by half sum to one
    merged = np.zeros(padded.shape[1:])
    for top in range(0, padded.shape[1] - half, half):
        for left in range(0, padded.shape[2] - half, half):
            at = (slice(top, top + tile), slice(left, left + tile))
            merged[at] += window * merge_spectra(padded[:, *at], sigma, tuning)
    return merged[half : half + height, half : half + width]
