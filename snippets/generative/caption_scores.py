"""How well towers name images of ``shapes``: by whole captions, or the shape alone.

Axes::

    batch  images
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from snippets.generative.caption_towers import KINDS, Towers, words
from snippets.generative.clip import class_embeddings, normalize


@torch.no_grad()
def nearest_captions(
    towers: Towers, images: Float[Tensor, "batch channels height width"]
) -> Int[Tensor, " batch"]:
    """For each image, the number of the nearest of all 64 captions."""
    return towers(images, words(KINDS)).argmax(dim=1)


@torch.no_grad()
def shape_accuracies(
    towers: Towers,
    images: Float[Tensor, "batch channels height width"],
    shape: Int[Tensor, " batch"],
) -> Float[Tensor, "3"]:
    """Accuracy of the shape with the word alone, one prompt, and the mean of 16.

    The prompts add one of four colors and one of four places. The second number is a
    mean over the 16.
    """
    alone = towers.text(torch.arange(4)[:, None])
    prompts = towers.text(words(KINDS)).unflatten(0, (4, 16))
    image_embeds = normalize(towers.image(images))

    def accuracy(classes: Tensor) -> Tensor:
        return ((image_embeds @ normalize(classes).T).argmax(1) == shape).float().mean()

    ones = torch.stack([accuracy(prompts[:, i]) for i in range(16)])
    averaged = accuracy(class_embeddings(prompts))
    return torch.stack([accuracy(alone), ones.mean(), averaged])
