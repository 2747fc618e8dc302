"""
Residual quantization in the plane
==================================

A figure of :doc:`/recommenders/semantic_ids`: what three levels of four codes are
given, and the path of one item.
"""

import matplotlib.pyplot as plt
import torch

from snippets.recommenders.residual_k_means import fit_codebooks
from snippets.recommenders.semantic_ids import residual_quantize

CODES = 4
ARROW = {"arrowstyle": "->", "shrinkA": 0, "shrinkB": 0, "linewidth": 1.3}
generator = torch.Generator().manual_seed(0)
corners = torch.tensor([[-1.0, -1.0], [-1.0, 1.0], [1.0, -1.0], [1.0, 1.0]])
places = sum(
    scale * corners[torch.randint(4, (300,), generator=generator)]
    for scale in (1.0, 0.4, 0.16)
)
items = places + 0.05 * torch.randn(300, 2, generator=generator)
codebooks = fit_codebooks(items, levels=3, codes=CODES)
found = residual_quantize(items, codebooks)
item = found.residuals[1].norm(dim=1).argmax()  # its second step is easy to see
left = torch.cat([found.residuals, (items - found.quantized)[None]])
spread = left.square().sum(dim=2).mean(dim=1).sqrt()

fig, axes = plt.subplots(
    1, 3, figsize=(6.8, 3.0), layout="compressed", sharex=True, sharey=True
)
for level, ax in enumerate(axes):
    x, code = found.residuals[level], found.codes[:, level]
    for one, entry in enumerate(codebooks[level]):
        ax.scatter(*x[code == one].T, s=4, color=f"C{one}", alpha=0.5)
        away = entry + (1.25 if level == 0 else 0.85) * entry / entry.norm()
        ax.text(*away, f"{one}", color=f"C{one}", ha="center", va="center")
    ax.annotate("", found.entries[level, item], (0, 0), arrowprops=ARROW)
    ax.plot(*x[item], "o", color="0.5", markerfacecolor="none", markersize=9)
    ax.set(title=f"given to level {level + 1}", xlabel="coordinate 1", aspect="equal")
axes[0].set(ylabel="coordinate 2", xlim=(-2.4, 2.4), ylim=(-2.4, 2.4))
path = ", ".join(str(code) for code in found.codes[item].tolist())
fig.set_label(
    f"300 items in the plane, in nested squares. Level 1 colors them by the nearest of "
    f"four entries. Levels 2 and 3 get what is left, around 0: the root mean square "
    f"length is {spread[0]:.2f}, then {spread[1]:.2f}, then {spread[2]:.2f}. One item "
    f"is circled in each; arrows lead to the entries of its ID, {path}."
)
measured = {"given": spread[0], "left": spread[3]}
assert (spread.diff() < -0.1).all()
