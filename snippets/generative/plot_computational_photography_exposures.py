"""
Bright and dark in one picture
==============================

Figures of :doc:`/generative/computational_photography`. A scene with deep shade is
taken with several exposures. The curve of the camera and the light are found, and the
light is mapped to a screen.
"""

import matplotlib.pyplot as plt
import numpy as np

from snippets.generative.high_dynamic_range import (
    hat,
    merge_exposures,
    response,
    tone_map,
)
from snippets.generative.photographs import luminance, photograph, to_linear, to_srgb

SHADE, IMAGES, PIXELS, SMOOTHNESS = 300, 11, 60, 100.0
light = photograph("china.jpg")[20:276, 160:480].clip(0.01)
column = np.linspace(-1, 1, light.shape[1])[:, None]
light = light * SHADE ** (-1 / (1 + np.exp(12 * column)))  # the left half is in shade
exposures = 2.0 ** np.arange(1 - IMAGES // 2 + 3, IMAGES - IMAGES // 2 + 4)
exposure = exposures[:, None, None, None]
codes = (255 * to_srgb(light * exposure)).round().astype(np.uint8)
ratio = luminance(light).max() / luminance(light).min()

z = np.arange(10, 246)
truth = np.log(to_linear(np.arange(256) / 255).clip(1e-9))
truth -= truth[128]
curve_errors, light_errors, dark_errors = [], [], []
for seed in range(3):
    place = np.random.default_rng(seed).integers(0, light[..., 0].size, PIXELS)
    sample = codes[..., 1].reshape(IMAGES, -1)[:, place]  # green
    g, _ = response(sample, exposures, SMOOTHNESS, hat())
    dark_errors.append(np.abs(g - truth)[1:10].max())
    found = merge_exposures(codes, exposures, g, hat())
    curve_errors.append(np.abs(g - truth)[z].max())
    light_errors.append(np.std(np.log(found / light)))
mapped = tone_map(luminance(found), key=0.4)
screen = to_srgb(found * (mapped / luminance(found))[..., None])

fig, axes = plt.subplots(2, 2, figsize=(7, 5.6), layout="compressed")
chosen = [0, 5, IMAGES - 1]
for ax, image in zip(axes.flat, chosen, strict=False):
    ax.imshow(codes[image])
    ax.set_title(f"exposure {exposures[image]:g}")
axes[1, 1].imshow(screen)
axes[1, 1].set_title("all, tone mapped")
for ax in axes.flat:
    ax.set(xticks=[], yticks=[])
clipped = [(codes[i] == 255).all(-1).mean() for i in chosen]
black = (codes[0] < 10).all(-1).mean()
fig.set_label(
    "A temple whose left half is in deep shade. With the shortest exposure, "
    f"{black:.0%} of the picture is almost black; with the longest, {clipped[-1]:.0%} "
    "is white. The fourth picture shows both halves."
)

dark = max(dark_errors)
curve, ax = plt.subplots(figsize=(5, 3.4), layout="constrained")
ax.plot(truth, color="0.6", linewidth=4, label="the camera")
ax.plot(g, "C0", label=f"found with {PIXELS} pixels")
ax.set(xlabel="code", ylabel="log exposure", ylim=(-6.5, 2))
ax.legend()
curve.set_label(
    f"The recovered curve lies on that of the camera: from code {z[0]} to {z[-1]} it "
    f"differs by at most {max(curve_errors):.3f}. From code 1 to 9, it is "
    f"off by up to {dark:.1f}."
)
measured = {"curve_error": max(curve_errors), "light_error": max(light_errors)}
measured |= {"scene_ratio": ratio, "dark_error": dark}
assert max(curve_errors) < 0.2
assert max(light_errors) < 0.03
