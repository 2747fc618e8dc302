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
from snippets.recommenders.fit_factors import FitFactors
from snippets.recommenders.fit_quality import shares
from snippets.recommenders.fit_shops import DENSE, SPARSE, draw_shops
from snippets.recommenders.fit_trials import auc_of_true_sizes, penalty_trial
from snippets.recommenders.fit_world import SIZES

SHOPS, FACTORS = 3, 8
PENALTIES = (0.0, 0.03, 0.1, 0.3)
torch.manual_seed(0)
generator = torch.Generator().manual_seed(0)

fig, axes = plt.subplots(2, 2, figsize=(6.8, 4.8), sharex=True, layout="constrained")
measured, gains, said = {}, {}, []
for column, (name, shop) in enumerate({"dense": DENSE, "sparse": SPARSE}.items()):
    drawn, counts = draw_shops(shop, SHOPS), (shop.customers, shop.products, SIZES)
    one = penalty_trial(drawn, lambda at=counts: LatentSizes(*at), [0.0], generator)
    more = penalty_trial(
        drawn, lambda at=counts: LatentTastes(*at, FACTORS), PENALTIES, generator
    )
    best = more[np.arange(SHOPS), more[:, :, 0].argmax(axis=1)]  # on validation
    tests = [shop.split.test for shop in drawn]
    own = np.mean([shares(test, test.sizes.numpy())[1] for test in tests])
    for ax, part in zip(axes[:, column], (1, 2), strict=True):
        ax.plot(more[:, :, part].mean(axis=0), "C0o-", label=f"K-LV, {FACTORS} factors")
        ax.plot(more[:, :, part].T, "C0_", markersize=9)
        ax.axhline(one[:, 0, part].mean(), color="C1", linestyle="--", label="1-LV")
        ax.grid(axis="y")
    axes[1, column].axhline(own, color="0.4", linestyle=":", label="own choice")
    axes[1, column].yaxis.set_major_formatter("{x:.0%}")
    axes[1, column].set(xlabel="penalty λ", xticks=range(len(PENALTIES)))
    axes[1, column].set_xticklabels(PENALTIES)
    axes[0, column].set_title(f"{name} shop", fontsize=10)
    measured |= {f"{name}_one": one[:, 0, 1].mean(), f"{name}_k": best[:, 1].mean()}
    if shop is DENSE:
        measured |= {"own": own, "fits": best[:, 2].mean()}
    measured[f"{name}_size"] = np.mean([auc_of_true_sizes(shop) for shop in drawn])
    gains[name] = (best[:, 1] - one[:, 0, 1]).mean()
    listed = ", ".join(f"{auc:.2f}" for auc in more[:, :, 1].mean(axis=0))
    fits = ", ".join(f"{share:.0%}" for share in more[:, :, 2].mean(axis=0))
    said.append(
        f"{name} shop, K-LV: AUC {listed}, and {fits} of advised sizes fit; 1-LV: AUC "
        f"{one[:, 0, 1].mean():.2f}, {one[:, 0, 2].mean():.0%}; own choice: {own:.0%}"
    )
axes[0, 0].set_ylabel("AUC")
axes[1, 0].set_ylabel("advised sizes that fit")
handles = axes[1, 1].get_legend_handles_labels()
fig.legend(*handles, ncols=3, loc="outside upper center")
fig.set_label(f"Four penalties: {PENALTIES}. " + ". ".join(said) + ".")
# after the loop, `drawn`, `more` and so on are those of the sparse shop
lf = penalty_trial(drawn, lambda: FitFactors(*counts, 4), (0.0, 0.01), generator)
measured["sparse_lf"] = lf[np.arange(SHOPS), lf[:, :, 0].argmax(axis=1), 1].mean()
measured |= {"free": more[:, 0, 1].mean(), "free_fits": more[:, 0, 2].mean()}
assert gains["dense"] > 0.15
assert measured["free"] < measured["sparse_one"] - 0.1
assert abs(gains["sparse"]) < 0.02
assert measured["sparse_lf"] < measured["sparse_one"] - 0.05
