"""Radiance from several exposures, and its way onto a screen.

Debevec and Malik (1997), https://doi.org/10.1145/258734.258884; tone mapping: Reinhard,
Stark, Shirley and Ferwerda (2002), https://doi.org/10.1145/566654.566575.

Symbols::

    Z_ij      codes      code of pixel i in image j, 0 to 255
    Delta t_j exposures  times, in seconds or in any other unit
    E_i       radiance   of pixel i, up to one factor for the whole image
    g         g          log exposure of each code, ln(E_i Delta t_j); g(128) = 0
    w         weight     of each code
    lambda    smoothness
    a, L_w    key, white brightness of the middle, and what becomes white

Axes::

    images  of one scene with different exposures
    pixels  of an image, or of a sample of it
"""

import numpy as np
from jaxtyping import Float, UInt8
from numpy import ndarray

Codes = UInt8[ndarray, "images *pixels"]


def hat() -> Float[ndarray, "256"]:
    """Weights that trust the middle codes most, and 0 and 255 not at all.

    Examples
    --------
    >>> hat()[[0, 1, 127, 128, 255]].tolist()
    [0.0, 1.0, 127.0, 127.0, 0.0]
    """
    z = np.arange(256.0)
    return np.minimum(z, 255 - z)


def check_exposures(codes: Codes, exposures: Float[ndarray, " times"]) -> None:
    """Raise ``ValueError`` for exposures that do not tell radiance."""
    if len(codes) != len(exposures):
        raise ValueError(f"{len(exposures)} exposures for {len(codes)} images")
    if len(exposures) < 2:
        raise ValueError(f"{len(exposures)} image: a merge needs at least 2")
    if not (np.isfinite(exposures).all() and (exposures > 0).all()):
        raise ValueError(f"exposures must be positive, not {exposures.tolist()}")


def stack(images: list[ndarray]) -> ndarray:
    """Images as one array, if they have one size."""
    shapes = {image.shape for image in images}
    if len(shapes) != 1:
        raise ValueError(f"images of different sizes, or none: {sorted(shapes)}")
    return np.stack(images)


def response(
    codes: UInt8[ndarray, "images pixels"],
    exposures: Float[ndarray, " times"],
    smoothness: float,
    weight: Float[ndarray, "256"],
) -> tuple[Float[ndarray, "256"], Float[ndarray, " pixels"]]:
    """Curve g and log radiance of some pixels, by weighted least squares.

    Raises
    ------
    ValueError
        If an exposure is not positive, or ``smoothness`` is not.
    """
    check_exposures(codes, exposures)
    if smoothness <= 0 or codes.size == 0:
        raise ValueError(f"no curve from {codes.shape} codes with {smoothness=}")
    images, pixels = codes.shape
    rows = np.zeros((images * pixels + 255, 256 + pixels))
    wanted = np.zeros(len(rows))
    row = np.arange(images * pixels)
    at = weight[codes.ravel()]
    rows[row, codes.ravel()] = at  # w g(Z_ij) - w ln E_i = w ln Delta t_j
    rows[row, 256 + row % pixels] = -at
    wanted[row] = at * np.log(exposures).repeat(pixels)
    rows[len(row), 128] = 1  # g(128) = 0
    z = np.arange(1, 255)
    for step, factor in ((-1, 1.0), (0, -2.0), (1, 1.0)):  # second difference of g
        rows[len(row) + z, z + step] = np.sqrt(smoothness) * weight[z] * factor
    found = np.linalg.lstsq(rows, wanted, rcond=None)[0]
    return found[:256], found[256:]


def merge_exposures(
    codes: Codes,
    exposures: Float[ndarray, " times"],
    g: Float[ndarray, "256"],
    weight: Float[ndarray, "256"],
) -> Float[ndarray, "*pixels"]:
    """Radiance of each pixel: a weighted mean of g(Z) - ln(Delta t), exponentiated.

    Raises
    ------
    ValueError
        If a pixel has no weight in any image.
    """
    check_exposures(codes, exposures)
    trust = weight[codes]
    total = trust.sum(axis=0)
    if (total <= 0).any():
        lost = int((total <= 0).sum())
        raise ValueError(f"{lost} pixels are black or white in all {len(codes)} images")
    times = np.log(exposures).reshape(-1, *[1] * (codes.ndim - 1))
    return np.exp((trust * (g[codes] - times)).sum(axis=0) / total)


def tone_map(
    light: Float[ndarray, "height width"],
    key: float = 0.18,
    white: float = float("inf"),
    delta: float = 1e-6,
) -> Float[ndarray, "height width"]:
    """Luminance for a screen, 0 to 1; ``white`` (after scaling by key) becomes 1.

    Examples
    --------
    >>> tone_map(np.array([[0.01, 1.0, 100.0]])).round(3)
    array([[0.002, 0.153, 0.947]])
    """
    if light.size == 0 or not (np.isfinite(light).all() and (light >= 0).all()):
        raise ValueError(f"luminance from {light.min(initial=0)} is not all positive")
    if key <= 0 or white <= 0 or delta <= 0:
        raise ValueError(f"cannot map tones with {key=}, {white=}, {delta=}")
    L = key / np.exp(np.log(delta + light).mean()) * light
    return L * (1 + L / white**2) / (1 + L)
