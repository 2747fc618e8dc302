"""
Recall of new items: photos as they are, and aligned with clicks
================================================================

A figure of :doc:`/recommenders/visual_cold_start`: six ways to score new items, in
shops whose users choose by the digit, and in shops whose users choose by the light.
"""

import matplotlib.pyplot as plt
import numpy as np
from scipy.spatial.distance import cdist
from sklearn.decomposition import PCA
from sklearn.linear_model import Ridge

from snippets.recommenders import visual_cold_start as method
from snippets.recommenders.history_pooling import attention_pool, mean_pool
from snippets.recommenders.lit_digits import WARM, cold_recall, draw_photos, draw_shop
from snippets.recommenders.photo_encoder import encode, train_encoder

# Title, shops, and temperature for pixels (chosen on other shops)
TASTES = {"digits": ("users choose by digit", 5, 2.0), "lights": ("by light", 3, 8.0)}
NAMES = {
    "mean": "mean photo",
    "kernel": "attention, pixels",
    "filtered": "attention, lamp removed",
    "ridge": "aligned: ridge",
    "regression_loss": "aligned: regression",
    "contrastive_loss": "aligned: InfoNCE",
}


def recalls(photos, groups, seed, temperature):
    """Recall of each way to score, of the true chances, and of guessing."""
    shop = draw_shop(photos, groups, seed)
    warm, cold = np.split(photos.pixels, [WARM])
    near = -cdist(warm, cold, "sqeuclidean")
    lamp = PCA(2).fit(warm)  # the two directions with the most variance
    rest = (x - lamp.inverse_transform(lamp.transform(x)) for x in (warm, cold))
    clean = -cdist(*rest, "sqeuclidean")
    users, items = method.click_factors(shop.warm, 16)
    scores = {
        "mean": mean_pool(shop.warm, near),
        "kernel": attention_pool(shop.warm, near, temperature),
        "filtered": attention_pool(shop.warm, clean, 2.0),
        "ridge": users @ Ridge(alpha=10.0).fit(warm, items).predict(cold).T,
        "truth": shop.chances,
        "guess": np.random.default_rng([seed, 2]).random(shop.cold.shape),
    }
    for name in ("regression_loss", "contrastive_loss"):
        encoder = train_encoder(warm, items, getattr(method, name), seed)
        scores[name] = users @ encode(encoder, cold).T
    return {name: cold_recall(values, shop) for name, values in scores.items()}


recall = {}
fig, axes = plt.subplots(1, 2, figsize=(6.8, 3.0), sharey=True, layout="constrained")
for ax, (taste, (title, shops, raw)) in zip(axes, TASTES.items(), strict=True):
    drawn = enumerate(draw_photos(seed) for seed in range(shops))
    runs = [recalls(x, getattr(x, taste), seed, raw) for seed, x in drawn]
    found = {name: np.array([run[name] for run in runs]) for name in runs[0]}
    for place, name in enumerate(NAMES):
        ax.plot(found[name], np.full(shops, -place), f"C{place // 3}o", alpha=0.6)
    for name, style in (("guess", ":"), ("truth", "--")):
        ax.axvline(found[name].mean(), color="0.5", linestyle=style)
    ax.set(xlabel="recall of 20 new items", xlim=(0, 0.35), title=title)
    recall[taste] = found
axes[0].set_yticks(-np.arange(len(NAMES)), NAMES.values())
digit, light = ({n: x.mean() for n, x in found.items()} for found in recall.values())
listed = [", ".join(f"{NAMES[n]} {x[n]:.2f}" for n in NAMES) for x in (digit, light)]
fig.set_label(
    f"Mean recalls if users choose by digit: {listed[0]}. If they choose by light: "
    f"{listed[1]}. Guessing: {digit['guess']:.2f}; true chances: {digit['truth']:.2f}."
)
losses = [np.concatenate([x[n] for x in recall.values()]) for n in list(NAMES)[4:]]
gap = losses[1] - losses[0]
measured = {"gap": gap.mean(), "gap_low": gap.min(), "gap_high": gap.max()}
measured |= {f"digit_{name}": value for name, value in digit.items()}
measured |= {f"light_{name}": light[name] for name in list(NAMES)[2:]}
assert recall["digits"]["mean"].max() < 0.12
assert min(recall["digits"][name].min() for name in list(NAMES)[3:]) > 0.23
