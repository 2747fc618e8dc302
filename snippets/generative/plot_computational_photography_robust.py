"""
A robust merge leaves no ghosts
===============================

A figure of :doc:`/generative/computational_photography`. A lantern moves while a burst
is taken. The mean shows it many times; the robust merge shows it once.
"""

import matplotlib.pyplot as plt
import numpy as np

from snippets.generative.computational_photography import (
    mean_merge,
    psnr,
    robust_merge,
)
from snippets.generative.photographs import luminance, photograph, to_srgb

SIGMA, FRAMES, STEP = 0.05, 8, 9  # STEP: pixels by which the lantern moves in a frame
scene = luminance(photograph("china.jpg"))[60:188, 240:432]
row, column = np.mgrid[: scene.shape[0], : scene.shape[1]]


def disk(frame: int) -> np.ndarray:
    """The pixels of the lantern."""
    return (row - 30) ** 2 + (column - 110 - STEP * frame) ** 2 < 9**2


def lit(frame: int) -> np.ndarray:
    return np.where(disk(frame), 0.02, scene)


first = lit(0)
path = np.any([disk(z) for z in range(FRAMES)], axis=0)
results = []
for seed in range(3):
    noise = SIGMA * np.random.default_rng(seed).standard_normal((FRAMES, *scene.shape))
    frames = [lit(z) + noise[z] for z in range(FRAMES)]
    images = [frames[0], mean_merge(frames), robust_merge(frames, SIGMA)]
    results.append([[psnr(first[a], x[a]) for x in images] for a in (path, ~path)])
moving, still = np.mean(results, axis=0)
spread = np.ptp(results, axis=0).max()

names = ["first frame", f"mean of {FRAMES}", f"robust merge of {FRAMES}"]
fig, axes = plt.subplots(1, 3, figsize=(8, 2.2), layout="compressed")
for ax, image, name in zip(axes, images, names, strict=True):
    ax.imshow(to_srgb(image), "gray", vmin=0, vmax=1)
    ax.set(title=name, xticks=[], yticks=[])
    ax.title.set_fontsize("medium")
fig.set_label(
    "Three pictures of a roof and a dark disk in the sky. The first frame is noisy. In "
    f"the mean, {FRAMES} pale disks form a row. The robust merge shows one dark disk; "
    f"its noise is low. Along the path, the PSNR is {moving[0]:.1f}, {moving[1]:.1f} "
    f"and {moving[2]:.1f} dB, elsewhere {still[0]:.1f}, {still[1]:.1f} and "
    f"{still[2]:.1f} dB."
)
measured = {"robust_spread": spread}
measured |= {"moving_mean": moving[1], "moving_robust": moving[2]}
measured |= {"still_mean": still[1], "still_robust": still[2]}
assert abs(still[0] - 26) < 0.2
assert moving[2] > moving[0]
assert moving[2] > moving[1] + 8
assert still[2] > still[0] + 5
