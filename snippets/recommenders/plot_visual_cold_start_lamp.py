"""
The stronger the lamp, the worse are pixels
===========================================

A figure of :doc:`/recommenders/visual_cold_start`: recall of new items for lamps of
different strength, which no user cares about.
"""

import matplotlib.pyplot as plt
import numpy as np
from scipy.spatial.distance import cdist
from sklearn.linear_model import Ridge

from snippets.recommenders import lit_digits
from snippets.recommenders import visual_cold_start as method
from snippets.recommenders.history_pooling import attention_pool, mean_pool

LAMPS, SHOPS = (0.0, 0.4, 0.8, 1.2, 2.4), 3
TEMPERATURES = (1.0, 2.0)
NAMES = ("aligned: ridge", "attention, pixels", "mean photo")


def recalls(lamp, seed):
    """Recall of the three ways to score, in the order of NAMES."""
    photos = lit_digits.draw_photos(seed, lamp)
    warm, cold = np.split(photos.pixels, [lit_digits.WARM])
    near = -cdist(warm, cold, "sqeuclidean")
    ridge = Ridge(alpha=10.0).fit(warm, factors[seed].items)
    shop = shops[seed]
    pooled = [attention_pool(shop.warm, near, t) for t in TEMPERATURES]
    return (
        lit_digits.cold_recall(factors[seed].users @ ridge.predict(cold).T, shop),
        max(lit_digits.cold_recall(scores, shop) for scores in pooled),
        lit_digits.cold_recall(mean_pool(shop.warm, near), shop),
    )


def spreads(photos, shop):
    """Of the parts of a squared distance to a mean photo: standard deviations."""
    warm, cold = np.split(photos.pixels, [lit_digits.WARM])
    light = 1.2 * lit_digits.lamp_light(photos.directions[lit_digits.WARM :])
    means = shop.warm @ warm / shop.warm.sum(axis=1, keepdims=True)
    apart = (cold - light) - means[:, None]  # users, cold, pixels
    parts = (apart**2).sum(axis=2), 2 * (apart * light).sum(axis=2)
    return [part.std(axis=1).mean() for part in parts]


drawn = [lit_digits.draw_photos(seed) for seed in range(SHOPS)]
shops = [lit_digits.draw_shop(x, x.digits, seed) for seed, x in enumerate(drawn)]
factors = [method.click_factors(shop.warm, factors=16) for shop in shops]
found = np.array([[recalls(x, seed) for seed in range(SHOPS)] for x in LAMPS])
mean = found.mean(axis=1)

fig, ax = plt.subplots(figsize=(6.8, 2.8), layout="constrained")
for number, (name, look) in enumerate(zip(NAMES, ("o-", "s--", "^:"), strict=True)):
    color = f"C{(1, 0, 2)[number]}"
    ax.plot(LAMPS, mean[:, number], look, color=color, label=name)
    ends = found[..., number].min(axis=1), found[..., number].max(axis=1)
    ax.fill_between(LAMPS, *ends, color=color, alpha=0.2, linewidth=0)
ax.set(xlabel="strength of the lamp", ylabel="recall of 20 new items", ylim=(0, 0.32))
ax.legend(loc="lower left")
first, last = mean[0], mean[-1]
fig.set_label(
    f"From no lamp to a strength of {LAMPS[-1]:g}: the mean photo falls from "
    f"{first[2]:.2f} to {last[2]:.2f}, attention over pixels from {first[1]:.2f} to "
    f"{last[1]:.2f}. Aligned vectors are level at {first[0]:.2f}."
)
measured = {"dark_mean": first[2], "bright_mean": last[2]}
measured["drawn_spread"], measured["product_spread"] = spreads(drawn[0], shops[0])
assert first[2] > 0.2 > 0.12 > last[2]
assert np.ptp(mean[:, 0]) < 0.01
