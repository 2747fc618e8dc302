"""
How many n-grams share their rows
=================================

A figure of :doc:`/transformers/engram`. All pairs and all triples of 64 tokens are
hashed. For one to four heads, the figure compares the share of pairs of n-grams that
meet in all heads with one over the product of the moduli.
"""

import matplotlib.pyplot as plt
import torch

from snippets.transformers.ngram_hashing import (
    draw_multipliers,
    ngram_rows,
    primes_from,
)

VOCAB, HEADS, SEEDS = 64, 4, 3
primes = torch.tensor(primes_from(59, HEADS))
powers = 2 ** torch.arange(6, 6 + HEADS)  # 64, 128, 256, 512: each divides the next
tokens = torch.cartesian_prod(*[torch.arange(VOCAB)] * 3)


def colliding(moduli: torch.Tensor, seed: int) -> torch.Tensor:
    """Share of the pairs that meet in the first 1, 2, ... heads, by order."""
    multipliers = draw_multipliers(VOCAB, 3, seed)
    rows = ngram_rows(tokens, multipliers, moduli.repeat(2, 1))[:, -1]
    shares = torch.empty(2, HEADS, dtype=torch.float64)
    for order in range(2):
        different = rows[: VOCAB ** (order + 2), order]  # each n-gram once
        place = torch.zeros(len(different), dtype=torch.int64)
        for head in range(HEADS):
            place = place * moduli[head] + different[:, head]
            met = place.unique(return_counts=True)[1].double()
            pairs = len(place) * (len(place) - 1) / 2
            shares[order, head] = (met * (met - 1) / 2).sum() / pairs
    return shares


found = torch.stack([colliding(primes, seed) for seed in range(SEEDS)])
nested = torch.stack([colliding(powers, seed) for seed in range(SEEDS)])
theory = 1 / primes.double().cumprod(0)
ratio = found / theory

heads = range(1, HEADS + 1)
fig, ax = plt.subplots(figsize=(5.4, 3.2), layout="constrained")
ax.plot(heads, theory, "--", color="0.5", label="1 / product of the primes")
ax.plot(heads, found[:, 1].T, "C0o", label=["triples, primes", *["_"] * (SEEDS - 1)])
shown = torch.where(found[:, 0] > 0, found[:, 0], torch.nan)
ax.plot(heads, shown.T, "C2x", ms=8, label=["pairs, primes", *["_"] * (SEEDS - 1)])
ax.plot(heads, nested[:, 1].T, "C1s", label=["triples, powers of 2", "_", "_"])
ax.set(xlabel="heads", ylabel="share of pairs that collide", yscale="log")
ax.set_xticks(heads)
ax.legend(fontsize=10)
fig.set_label(
    "Collisions against one to four heads. With primes, points for triples lie on a "
    f"dashed line that falls from {theory[0]:.3f} to {theory[-1]:.1e}. With powers of "
    f"two, points fall only to {nested[:, 1, -1].mean():.4f}."
)
measured = {"found": found[:, 1, -1].mean() * 1e8, "theory": theory[-1] * 1e8}
measured["pairs_of_triples"] = VOCAB**3 * (VOCAB**3 - 1) / 2 / 1e9
assert ratio[:, 1].sub(1).abs().max() < 0.2
assert ratio.max() < 3
assert (found[:, 0, -1] == 0).sum() == 2
assert nested[:, 1, -1].min() > 1000 * found[:, 1, -1].max()
