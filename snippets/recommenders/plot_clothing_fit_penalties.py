"""
Quality of latent sizes and tastes, by penalty
==============================================

A figure of :doc:`/recommenders/clothing_fit`: AUC of the three labels, and share of
advised sizes that fit, in a dense and in a sparse shop.
"""

import matplotlib.pyplot as plt
import numpy as np
import torch

from snippets.recommenders.clothing_fit import LatentSizes, LatentTastes
from snippets.recommenders.fit_quality import (
    advised,
    evaluate,
    fitted_logit,
    quality,
    shares,
)
from snippets.recommenders.fit_training import train
from snippets.recommenders.fit_world import DENSE, SIZES, SPARSE, draw_shops
from snippets.recommenders.ordinal_logit import fit_ordinal_logit

SEEDS, FACTORS, PENALTIES, SIZE_PENALTIES = (
    3,
    8,
    (0.0, 0.01, 0.03, 0.1, 0.3),
    (0.0, 0.01),
)
generator = torch.Generator().manual_seed(0)
torch.manual_seed(0)


def run(drawn, make, penalties):
    """AUC on validation and test, share that fits; axes: seed, penalty, the three."""
    every = [one.split for one in drawn for _ in penalties]
    models = [make() for _ in every]
    train(models, [part.train for part in every], penalties * SEEDS, generator)
    found = []
    for model, part in zip(models, every, strict=True):
        chosen, test = evaluate(model, part)
        fits = advised(model, fitted_logit(model, part.validation), part.test)[1]
        found.append((chosen.auc, test.auc, fits))
    return np.array(found).reshape(SEEDS, len(penalties), 3)


def size_alone(one):
    """AUC of the true score without its taste."""
    world = one.world._replace(taste=0.0)
    parts = one.split.validation, one.split.test
    scores = [
        world.scores(part.customers.numpy(), part.products.numpy())[
            np.arange(len(part.sizes)), part.sizes.numpy()
        ]
        for part in parts
    ]
    logit = fit_ordinal_logit(scores[0], parts[0].labels.numpy())
    return quality(logit.probabilities(scores[1]), parts[1].labels).auc


fig, axes = plt.subplots(2, 2, figsize=(6.8, 4.6), sharex=True, layout="constrained")
measured, said = {}, []
for column, (name, shop) in enumerate({"dense": DENSE, "sparse": SPARSE}.items()):
    drawn, counts = draw_shops(shop, SEEDS), (shop.customers, shop.products, SIZES)
    one_lv = run(drawn, lambda at=counts: LatentSizes(*at), SIZE_PENALTIES)
    k_lv = run(drawn, lambda at=counts: LatentTastes(*at, FACTORS), PENALTIES)
    best = k_lv[np.arange(SEEDS), k_lv[:, :, 0].argmax(axis=1)]
    tests = [one.split.test for one in drawn]
    own = np.mean([shares(test, test.sizes.numpy()) for test in tests], axis=0)
    for row, part in enumerate((1, 2)):
        ax = axes[row, column]
        ax.plot(k_lv[:, :, part].mean(axis=0), "C0o-", label=f"K-LV, {FACTORS} factors")
        ax.plot(k_lv[:, :, part].T, "C0_", markersize=9)
        ax.axhline(one_lv[:, 0, part].mean(), color="C1", linestyle="--", label="1-LV")
        ax.grid(axis="y")
    axes[1, column].axhline(own[1], color="0.4", linestyle=":", label="own choice")
    axes[0, column].set_title(f"{name}: {shop.purchases:,} purchases", fontsize=10)
    axes[1, column].set_xlabel("penalty λ")
    axes[1, column].set_xticks(range(len(PENALTIES)), PENALTIES)
    measured |= {f"{name}_one": one_lv[:, 0, 1].mean(), f"{name}_k": best[:, 1].mean()}
    measured |= {f"{name}_one_fits": one_lv[:, 0, 2].mean(), f"{name}_own": own[1]}
    measured |= {f"{name}_k_fits": best[:, 2].mean()}
    measured[f"{name}_gain"] = (best[:, 1] - one_lv[:, 0, 1]).min()
    measured[f"{name}_size"] = np.mean([size_alone(one) for one in drawn])
    measured[f"{name}_free"] = k_lv[:, 0, 1].mean()
    measured[f"{name}_free_fits"] = k_lv[:, 0, 2].mean()
    measured[f"{name}_shrunk"] = abs(one_lv[:, 1, 1] - one_lv[:, 0, 1]).max()
    listed = ", ".join(f"{one:.2f}" for one in k_lv[:, :, 1].mean(axis=0))
    fits = ", ".join(f"{one:.0%}" for one in k_lv[:, :, 2].mean(axis=0))
    said.append(
        f"{name} shop, K-LV: AUC {listed}, {fits} fit; 1-LV: AUC "
        f"{one_lv[:, 0, 1].mean():.2f}, {one_lv[:, 0, 2].mean():.0%} fit; own choice: "
        f"{own[1]:.0%} fit"
    )
axes[0, 0].set_ylabel("AUC")
axes[1, 0].set_ylabel("advised sizes that fit")
for ax in axes[1]:
    ax.yaxis.set_major_formatter("{x:.0%}")
fig.legend(*axes[1, 1].get_legend_handles_labels(), ncols=3, loc="outside upper center")
fig.set_label(f"Four penalties, {PENALTIES}. " + ". ".join(said) + ".")
assert measured["dense_gain"] > 0.15
assert measured["sparse_free"] < measured["sparse_one"] - 0.1
assert abs(measured["sparse_k"] - measured["sparse_one"]) < 0.02
