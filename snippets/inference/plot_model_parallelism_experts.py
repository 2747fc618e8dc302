"""
Many tokens visit all experts, and the busiest rank sets the pace
=================================================================

The figure of :doc:`/inference/model_parallelism` on mixtures of experts: how many
experts a step reads, and how much more than the mean the busiest rank computes.
"""

import matplotlib.pyplot as plt
import numpy as np

from snippets.inference.server_costs import touched_experts

# %%
# Experts that are read, and ranks that are busy
# ----------------------------------------------
# A layer of 128 experts, of which each token visits eight. Experts are equally popular,
# or their popularity falls like 1 / sqrt(place). Means of 40 draws of the routing, each
# with another random placement of the experts on the ranks.

EXPERTS, TOP_K, DRAWS = 128, 8, 40
rng = np.random.default_rng(0)
popularity = {
    "equally popular": np.ones(EXPERTS),
    "skewed": 1 / np.sqrt(1 + np.arange(EXPERTS)),
}
tokens = 2 ** np.arange(0, 12)


def visits(weight: np.ndarray, count: int) -> np.ndarray:
    """Tokens for each expert: the top k of scores with Gumbel noise, in each draw."""
    scores = np.log(weight) + rng.gumbel(size=(DRAWS, count, EXPERTS))
    chosen = np.argpartition(-scores, TOP_K, axis=2)[..., :TOP_K]
    chosen = chosen.reshape(DRAWS, -1)
    return np.array([np.bincount(row, minlength=EXPERTS) for row in chosen])


def busiest(loads: np.ndarray, ranks: int) -> float:
    by_rank = rng.permuted(loads, axis=1).reshape(DRAWS, ranks, -1).sum(axis=2)
    return float((by_rank.max(axis=1) / by_rank.mean(axis=1)).mean())


read, excess = {}, {}
for name, weight in popularity.items():
    loads = [visits(weight, count) for count in tokens.tolist()]
    read[name] = [float((load > 0).sum(axis=1).mean()) for load in loads]
    for ranks in (8, 64):
        excess[name, ranks] = [busiest(load, ranks) for load in loads]
formula = [touched_experts(EXPERTS, TOP_K, count) for count in tokens.tolist()]
assert np.allclose(read["equally popular"], formula, rtol=0.03)
assert excess["equally popular", 64][-1] < 1.2 < excess["skewed", 8][-1]
assert excess["skewed", 64][-1] > 1.5

fig, (ax, right) = plt.subplots(1, 2, figsize=(6.4, 3.2))
fig.set_label(
    "Left: experts read over the tokens of a step, from 8 for one token to "
    f"{formula[4]:.0f} for 16 and 128 for many; skewed popularity reads fewer. Right: "
    "load of the busiest rank over the mean, falling with the tokens, for 8 ranks to "
    f"{excess['equally popular', 8][-1]:.1f}, for skewed popularity to "
    f"{excess['skewed', 8][-1]:.1f}; for 64 ranks to "
    f"{excess['equally popular', 64][-1]:.1f} and {excess['skewed', 64][-1]:.1f}."
)
ax.plot(tokens, formula, color="0.5", label="formula")
for name, marker in zip(popularity, "os", strict=True):
    ax.plot(tokens, read[name], marker, label=name)
    for ranks, style in ((8, "-"), (64, ":")):
        label = f"{ranks} ranks, {name}"
        color = "C0" if marker == "o" else "C1"
        right.plot(tokens, excess[name, ranks], style, color=color, label=label)
ax.set(xscale="log", xlabel="tokens in a step", ylabel="experts read, of 128")
right.set(xscale="log", yscale="log", xlabel="tokens in a step")
right.set(ylabel="busiest rank / mean", ylim=(0.9, 30))
ax.legend(fontsize=8)
right.legend(fontsize=8)

measured = {"read_16": formula[4], "busiest_even_64": excess["equally popular", 64][8]}
measured |= {f"busiest_{n}": excess["skewed", n][-1] for n in (8, 64)}
