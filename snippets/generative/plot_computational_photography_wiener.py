"""
Sharpening a photograph that moved
==================================

A figure of :doc:`/generative/computational_photography`. A photograph is blurred along
a line of pixels and gets noise. The inverse filter and the Wiener filter sharpen it.
"""

import matplotlib.pyplot as plt
import numpy as np

from snippets.generative.computational_photography import psnr
from snippets.generative.deconvolution import blur_spectrum, wiener
from snippets.generative.photographs import luminance, photograph, to_srgb

SIGMA, LENGTH = 0.003, 15
RATIOS = [3e-4, 1e-3, 3e-3, 1e-2, 3e-2]
PART, MARGIN = np.s_[40:200, 180:440], 32  # the borders of the part are not judged
INSIDE = np.s_[MARGIN:-MARGIN, MARGIN:-MARGIN]
kernel = np.full((1, LENGTH), 1 / LENGTH)


def blur(scene: np.ndarray, seed: int) -> np.ndarray:
    """Motion whose borders are joined in a circle, and noise."""
    spectrum = np.fft.fft2(scene) * blur_spectrum(kernel, scene.shape)
    noise = SIGMA * np.random.default_rng(seed).standard_normal(scene.shape)
    return np.fft.ifft2(spectrum).real + noise


china, flower = (luminance(photograph(f"{name}.jpg")) for name in ("china", "flower"))
soft = blur(flower, 9)  # the ratio is chosen on the other photograph
best = max(RATIOS, key=lambda ratio: psnr(flower, wiener(soft, kernel, ratio)))

values = []
for seed in range(3):
    blurred = blur(china, seed)
    images = [
        blurred[PART],
        wiener(blurred, kernel, 1e-9)[PART],
        wiener(blurred, kernel, best)[PART],
        wiener(blurred[PART], kernel, best),
    ]
    values.append([psnr(china[PART][INSIDE], image[INSIDE]) for image in images])
mean = np.mean(values, axis=0)
assert np.ptp(values, axis=0).max() < 0.3

names = ["blurred", "nearly inverse", "Wiener filter", "cut out first"]
fig, axes = plt.subplots(2, 2, figsize=(7, 4.4), layout="compressed")
for ax, image, name, value in zip(axes.flat, images, names, mean, strict=True):
    ax.imshow(to_srgb(image[INSIDE]), "gray", vmin=0, vmax=1)
    ax.set_title(f"{name}: {value:.1f} dB", fontsize="medium")
    ax.set(xticks=[], yticks=[])
fig.set_label(
    f"Part of a roof in four pictures. Blurred sideways: {mean[0]:.1f} dB. Almost "
    f"the inverse filter: a roof under strong noise, {mean[1]:.1f} dB. Wiener filter: "
    f"sharp, {mean[2]:.1f} dB. If the part is cut out before the filter: stripes from "
    f"the borders, {mean[3]:.1f} dB."
)
measured = {"ratio": best}
assert np.abs(blur_spectrum(kernel, china.shape)).min() < 1e-12
assert mean[2] > mean[0] + 3
assert mean[1] < mean[0]
assert mean[3] < mean[2] - 1.5
