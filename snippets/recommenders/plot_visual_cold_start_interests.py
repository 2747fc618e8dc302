"""
Mean and attention over a history, for vectors with few and many entries
=========================================================================

A figure of :doc:`/recommenders/visual_cold_start`: when does it help to weigh a user's
history by its similarity to the candidate?
"""

import matplotlib.pyplot as plt
import numpy as np

from snippets.recommenders import visual_cold_start as method
from snippets.recommenders.history_pooling import attention_pool, mean_pool
from snippets.recommenders.lit_digits import WARM, draw_photos, draw_shop
from snippets.recommenders.photo_encoder import encode, train_encoder
from snippets.recommenders.ranked_lists import recall_at_k, top_k

FACTORS, SHOPS, FEW, TEMPERATURE = (2, 3, 6, 16), 3, 3, 0.1
NAMES = ("attention", "mean", "user vector")


def lists(shop, pixels, vectors, seed):
    """Twenty new items for each user, by the three ways to score."""
    users, items = vectors
    encoder = train_encoder(pixels[:WARM], items, method.contrastive_loss, seed)
    warm, cold = np.split(encode(encoder, pixels), [WARM])
    cosines = warm @ cold.T
    scores = (
        attention_pool(shop.warm, cosines, TEMPERATURE),
        mean_pool(shop.warm, cosines),
        users @ cold.T,
    )
    seen = np.zeros(shop.cold.shape, dtype=bool)
    return [top_k(values, seen, 20) for values in scores]


every = np.zeros((len(FACTORS), SHOPS, 3))
split = np.zeros((4, SHOPS, 3))
for seed in range(SHOPS):
    photos = draw_photos(seed)
    shop = draw_shop(photos, photos.digits, seed)
    liked = shop.liked.sum(axis=1).clip(max=4)
    vectors = method.click_factors(shop.warm, FACTORS[-1])
    for row, factors in enumerate(FACTORS):
        first = [x[:, :factors] for x in vectors]  # those of a smaller factorization
        found = lists(shop, photos.pixels, first, seed)
        every[row, seed] = [recall_at_k(x, shop.cold) for x in found]
        if factors == FEW:
            for number in range(1, 5):
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
axes[1].set(xlabel=f"digits that a user likes ({FEW} factors)")
axes[1].set_xticks(range(4), ["1", "2", "3", "4 or more"])
axes[0].legend(loc="lower right")
mean, two = every.mean(axis=1), split[1].mean(axis=0)
few, many = mean[FACTORS.index(FEW)], mean[-1]
fig.set_label(
    f"Left: with {FEW} factors, attention reaches {few[0]:.2f}, the mean {few[1]:.2f}, "
    f"the user vector {few[2]:.2f}; with {FACTORS[-1]}, {many[0]:.2f}, {many[1]:.2f} "
    f"and {many[2]:.2f}. Right, {FEW} factors: for users who like one digit, attention "
    f"and the mean reach {split[0].mean(axis=0)[0]:.2f} and "
    f"{split[0].mean(axis=0)[1]:.2f}; for two digits, {two[0]:.2f} and {two[1]:.2f}."
)
measured = {"few_attention": few[0], "few_mean": few[1]}
measured |= {"many_attention": many[0], "many_mean": many[1], "many_user": many[2]}
measured |= {"two_attention": two[0], "two_mean": two[1]}
assert (every[FACTORS.index(FEW), :, 0] > every[FACTORS.index(FEW), :, 1] + 0.01).all()
assert (abs(every[-1, :, 0] - every[-1, :, 1]) < 0.02).all()
