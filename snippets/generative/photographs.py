"""Two photographs that come with scikit-learn, and the way to linear light and back.

A picture file stores codes from 0 to 255. In the sRGB standard (IEC 61966-2-1), a code
is not proportional to the light: dark tones get more codes than bright ones.

Axes::

    height    rows of pixels, from the top
    width     columns of pixels, from the left
"""

import numpy as np
from jaxtyping import Float
from numpy import ndarray
from sklearn.datasets import load_sample_image

LUMINANCE = np.array([0.2126, 0.7152, 0.0722])  # of linear red, green, and blue


def to_linear(encoded: Float[ndarray, "*shape"]) -> Float[ndarray, "*shape"]:
    """Light from an sRGB value, both from 0 to 1.

    Examples
    --------
    >>> to_linear(np.array([0.0, 0.5, 1.0])).round(3).tolist()
    [0.0, 0.214, 1.0]
    """
    power = ((np.maximum(encoded, 0) + 0.055) / 1.055) ** 2.4
    return np.where(encoded <= 0.04045, encoded / 12.92, power)


def to_srgb(light: Float[ndarray, "*shape"]) -> Float[ndarray, "*shape"]:
    """The sRGB value of light. Light outside 0 to 1 is clipped.

    Examples
    --------
    >>> to_srgb(np.array([-0.1, 0.214, 1.5])).round(3).tolist()
    [0.0, 0.5, 1.0]
    """
    light = light.clip(0, 1)
    power = 1.055 * light ** (1 / 2.4) - 0.055
    return np.where(light <= 0.0031308, 12.92 * light, power)


def photograph(name: str) -> Float[ndarray, "height width 3"]:
    """Linear light of ``china.jpg`` or ``flower.jpg``, 427 x 640 pixels, 0 to 1."""
    return to_linear(load_sample_image(name) / 255)


def luminance(light: Float[ndarray, "*shape 3"]) -> Float[ndarray, "*shape"]:
    """Brightness of linear red, green, and blue."""
    return light @ LUMINANCE
