"""
DeltaNet: the three triangles of a chunk
========================================

For :doc:`/attention/deltanet`: the matrices that replace a loop over twelve positions.
"""

import matplotlib.pyplot as plt
import numpy as np
import torch
from torch.nn.functional import normalize

from snippets.attention.deltanet import chunk_factors

torch.manual_seed(3)
CHUNK = 12

# %%
# Random keys and queries of 8 features
# -------------------------------------

key, query = normalize(torch.randn(2, 1, 1, CHUNK, 8), dim=-1)
beta = torch.linspace(0.5, 1, CHUNK).view(1, 1, CHUNK)
one = torch.eye(CHUNK)
L = (beta[0, 0, :, None] * (key @ key.mT)[0, 0]).tril(-1)
T = chunk_factors(key, one.view(1, 1, CHUNK, CHUNK), beta)[0][0, 0]
assert torch.allclose((one + L) @ T, beta[0, 0].diag(), atol=1e-5)
assert torch.allclose(T.diag(), beta[0, 0])

fig, axes = plt.subplots(1, 3, figsize=(6.2, 2.6))
fig.set_label(
    "Three maps of 12 by 12 cells. L fills the triangle below the diagonal, and its "
    "diagonal is empty; T and the scores include the diagonal."
)
panels = [("L", L, -1), ("T", T, 0), ("scores", (query @ key.mT)[0, 0], 0)]
for ax, (title, matrix, diagonal) in zip(axes, panels, strict=True):
    outside = np.triu(np.ones((CHUNK, CHUNK), dtype=bool), diagonal + 1)
    ax.imshow(np.ma.masked_array(matrix, outside), vmin=-0.7, vmax=1)
    ax.set(title=title, xlabel="earlier position", xticks=[0, 11], yticks=[0, 11])
axes[0].set_ylabel("position")
