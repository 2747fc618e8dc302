"""Sharpen an image whose blur is known.

Wiener (1949), Extrapolation, Interpolation, and Smoothing of Stationary Time Series.

Glossary::

    K    spectrum of the blur
    NSR  noise_to_signal, power of the noise over that of the image

Axes::

    height, width  of the image
    rows, columns  of the kernel of the blur
"""

import numpy as np
from jaxtyping import Float
from numpy import ndarray

Image = Float[ndarray, "height width"]


def blur_spectrum(
    kernel: Float[ndarray, "rows columns"], shape: tuple[int, int]
) -> ndarray:
    """Spectrum of a blur whose kernel has its middle pixel at the origin."""
    if any(k > s for k, s in zip(kernel.shape, shape, strict=True)):
        raise ValueError(f"kernel {kernel.shape} is larger than the image {shape}")
    padded = np.zeros(shape)
    padded[: kernel.shape[0], : kernel.shape[1]] = kernel
    middle = [-(size // 2) for size in kernel.shape]
    return np.fft.fft2(np.roll(padded, middle, axis=(0, 1)))


def wiener(
    blurred: Image, kernel: Float[ndarray, "rows columns"], noise_to_signal: float
) -> Image:
    """Sharpen an image whose blur is known; its borders are joined in a circle."""
    if noise_to_signal <= 0:
        raise ValueError(f"{noise_to_signal=} would divide by zeros of the blur")
    K = blur_spectrum(kernel, blurred.shape)
    inverse = K.conj() / (np.abs(K) ** 2 + noise_to_signal)
    return np.fft.ifft2(np.fft.fft2(blurred) * inverse).real
