"""Imported by the server process from which workers are forked.

Drawing one figure fills matplotlib's caches, which every worker then inherits.
"""

import io
import os

from portal.worker import variables

os.environ.update(variables.VARIABLES)

import beartype
import jaxtyping
import matplotlib.pyplot as plt
import pytest
import sphinx_gallery.gen_rst
import torch

torch.set_num_threads(1)
figure, axes = plt.subplots()
axes.plot([0, 1])
axes.set(title="$x$", xlabel="x", ylabel="y")
for extension in ("png", "svg"):
    figure.savefig(io.BytesIO(), format=extension)
plt.close(figure)

__all__ = ["beartype", "jaxtyping", "pytest", "sphinx_gallery"]
