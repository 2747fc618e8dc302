"""
Mean and attention over a history, for vectors with few and many entries
=========================================================================

A figure of :doc:`/recommenders/visual_cold_start`: when does it help to weigh a user's
history by its similarity to the candidate?
"""

import matplotlib.pyplot as plt
import numpy as np

from snippets.recommenders.history_pooling import attention_pool, mean_pool
from snippets.recommenders.lit_digits import WARM, draw_photos, draw_shop
from snippets.recommenders.photo_encoder import encode, train_encoder
from snippets.recommenders.ranked_lists import recall_at_k, top_k
from snippets.recommenders.visual_cold_start import click_factors, contrastive_loss

FACTORS, SHOPS, TEMPERATURE = (3, 6, 16), 3, 0.1
NAMES = ("attention", "mean", "user vector")


def closest_digits(encoded, digits):
    """Largest cosine of the mean vectors of two digits."""
    means = np.array([encoded[digits == digit].mean(axis=0) for digit in range(10)])
    means /= np.linalg.norm(means, axis=1, keepdims=True)
    return (means @ means.T)[~np.eye(10, dtype=bool)].max()


def lists(shop, encoded, users):
    """Twenty new items for each user, by the three ways to score."""
    warm, cold = np.split(encoded, [WARM])
    cosines = warm @ cold.T
    pooled = attention_pool(shop.warm, cosines, TEMPERATURE)
    scores = pooled, mean_pool(shop.warm, cosines), users @ cold.T
    return [top_k(values, np.zeros_like(shop.cold), 20) for values in scores]


every = np.zeros((len(FACTORS), SHOPS, 3))
split, cosines = np.zeros((4, SHOPS, 3)), np.zeros((len(FACTORS), SHOPS))
for seed in range(SHOPS):
    photos = draw_photos(seed)
    shop = draw_shop(photos, photos.digits, seed)
    liked = shop.liked.sum(axis=1).clip(max=4)
    vectors = click_factors(shop.warm, FACTORS[-1])
    for row, factors in enumerate(FACTORS):
        users, items = (x[:, :factors] for x in vectors)  # of a smaller factorization
        encoder = train_encoder(photos.pixels[:WARM], items, contrastive_loss, seed)
        encoded = encode(encoder, photos.pixels)
        found = lists(shop, encoded, users)
        cosines[row, seed] = closest_digits(encoded[WARM:], photos.digits[WARM:])
        every[row, seed] = [recall_at_k(x, shop.cold) for x in found]
        for number in range(1, 5) if row == 0 else ():
            some = liked == number
            parts = [recall_at_k(x[some], shop.cold[some]) for x in found]
            split[number - 1, seed] = parts

fig, axes = plt.subplots(1, 2, figsize=(6.8, 3.0), sharey=True, layout="constrained")
for number, (name, look) in enumerate(zip(NAMES, ("o-", "s--", "^:"), strict=True)):
    for ax, values in zip(axes, (every, split), strict=True):
        color, places = f"C{(1, 0, 2)[number]}", range(len(values))
        ax.plot(places, values[..., number].mean(axis=1), look, color=color, label=name)
        ax.plot(places, values[..., number], look[0], color=color, alpha=0.4, ms=4)
axes[0].set(xlabel="factors", ylabel="recall of 20 new items", ylim=(0, 0.45))
axes[0].set_xticks(range(len(FACTORS)), FACTORS)
axes[1].set(xlabel=f"digits that a user likes ({FACTORS[0]} factors)")
axes[1].set_xticks(range(4), ["1", "2", "3", "4 or more"])
axes[0].legend(loc="lower right")
(few, _, many), (one, two, *_) = every.mean(axis=1), split.mean(axis=1)
fig.set_label(
    f"Left: with 3 factors, attention reaches {few[0]:.2f}, the mean {few[1]:.2f}, the "
    f"user vector {few[2]:.2f}; with 16, {many[0]:.2f}, {many[1]:.2f}, {many[2]:.2f}. "
    f"Right, 3 factors: for users who like one digit, attention and the mean reach "
    f"{one[0]:.2f} and {one[1]:.2f}; for two digits, {two[0]:.2f} and {two[1]:.2f}."
)
measured = {"many_attention": many[0], "many_mean": many[1]}
measured |= {"few_cosine": cosines[0].min(), "many_cosine": cosines[-1].max()}
measured |= {"two_attention": two[0], "two_mean": two[1]}
assert (every[0, :, 0] > every[0, :, 1] + 0.01).all()
assert np.ptp(every[-1], axis=1).max() < 0.02
