"""Images as one tensor.

Axes::

    images    of one size
    channels  of a pixel
    height    rows of pixels
    width     columns of pixels
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor


def stack_images(
    images: Sequence[Float[Tensor, "_ _ _"]],
) -> Float[Tensor, "images channels height width"]:
    """One batch of images of one size.

    Raises
    ------
    ValueError
        If there is no image, or images have different sizes.
    """
    sizes = {tuple(image.shape) for image in images}
    if len(sizes) != 1:
        found = f"{len(sizes)} sizes {sorted(sizes)}"
        raise ValueError(f"images of {found}: resize, crop or tile them")
    return torch.stack(list(images))
