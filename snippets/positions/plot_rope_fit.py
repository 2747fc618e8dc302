"""
A fitted score explodes beyond the known distances, if vectors may be long
==========================================================================

Scores of 64 pairs, fitted to random targets at distances below 2048: once with hardly a
limit on the lengths of query and key, as in Chen et al., and once with one. See
:doc:`/positions/rope`.
"""

import matplotlib.pyplot as plt
import torch

from snippets.positions.rope import angles, frequencies

TRAINED = 2048
thetas = frequencies(128)


def harmonics(distances) -> torch.Tensor:
    phase = angles(distances, thetas)
    return torch.cat([phase.cos(), phase.sin()], dim=1)


def fit(penalty: float, seed: int) -> torch.Tensor:
    random = torch.Generator().manual_seed(seed)
    target = torch.randn(TRAINED, generator=random, dtype=torch.float64)
    return v.T @ (size / (size**2 + penalty) * (u.T @ target))


inside, beyond = torch.arange(2 * TRAINED).chunk(2)
u, size, v = torch.linalg.svd(harmonics(inside), full_matrices=False)
ranges = {"inside": inside, "between": inside[:-1] + 0.5, "beyond": beyond}
largest = {}
fig, ax = plt.subplots()
for color, (name, penalty) in enumerate({"free": 1e-6, "limited": 10.0}.items()):
    fits = torch.stack([fit(penalty, seed) for seed in range(5)], dim=1)
    for where, distances in ranges.items():
        heights = (harmonics(distances) @ fits).abs().amax(0)
        largest[f"{name}_{where}"] = heights.median().item()
    lengths = fits.unflatten(0, (2, -1)).norm(dim=0).sum(0)
    largest[f"{name}_length"] = lengths.median().item()
    curve = (harmonics(torch.arange(0, 2 * TRAINED, 4)) @ fits[:, 0]).abs()
    ax.semilogy(range(0, 2 * TRAINED, 4), curve, color=f"C{1 - color}", label=name)

assert largest["free_inside"] < 2
assert largest["free_between"] < 2
assert largest["free_beyond"] > 200
assert largest["free_length"] > 100
assert largest["limited_length"] < 5
assert largest["limited_beyond"] < 4

ax.axvline(TRAINED, color="0.5", ls=":")
ax.text(TRAINED - 40, 8, "fitted up to here", ha="right")
ax.set(xlabel="distance (positions)", ylabel="size of the score", ylim=(1e-2, None))
ax.legend(title="norms of query and key", loc="upper left")
fig.set_label(
    "Size of two fitted scores over distances to 4096, logarithmic. Both stay near one "
    "up to 2048. There the free fit shoots up beyond a hundred; the limited one stays."
)

measured = largest
