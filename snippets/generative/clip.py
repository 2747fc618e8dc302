"""CLIP: compare images with texts by cosines, and learn from pairs.

Radford et al. (2021), https://arxiv.org/abs/2103.00020, figure 3. Sigmoid loss: Zhai et
al. (2023), https://arxiv.org/abs/2303.15343. Gap: Liang et al. (2022),
https://arxiv.org/abs/2203.02053.

Symbols of the paper -> names here (those of ``CLIPModel`` in transformers)::

    I_e, T_e  image_embeds, text_embeds  what the towers return; need not have length 1
    t         logit_scale                log of the factor of the cosines, learned
    n         pairs                      rows of a batch; image i belongs to text i

Axes::

    pairs      images and their texts
    images     images alone
    texts      texts alone
    dim        features of an embedding
    classes    answers of a classifier
    templates  prompts for one class
"""

import math

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import cross_entropy, logsigmoid

START, LIMIT = math.log(1 / 0.07), math.log(100)  # of logit_scale, in the paper


def normalize(embeds: Float[Tensor, "*batch dim"]) -> Float[Tensor, "*batch dim"]:
    """Divide each vector by its length.

    Raises
    ------
    ValueError
        If a vector is zero or not finite: it has no direction.
    """
    length = embeds.norm(dim=-1, keepdim=True)
    if not ((length > 0) & length.isfinite()).all():
        raise ValueError(f"no direction at lengths from {length.min()}")
    return embeds / length


def clip_logits(
    image_embeds: Float[Tensor, "images dim"],
    text_embeds: Float[Tensor, "texts dim"],
    logit_scale: Float[Tensor, ""],
    logit_bias: Float[Tensor, ""] | float = 0.0,
) -> Float[Tensor, "images texts"]:
    """Cosine of each image and each text, times ``exp(logit_scale)``.

    Examples
    --------
    >>> images, texts = torch.tensor([[3.0, 4.0]]), torch.tensor([[2.0, 0.0]])
    >>> clip_logits(images, texts, torch.tensor(10.0).log())
    tensor([[6.]])
    """
    cosines = normalize(image_embeds) @ normalize(text_embeds).T
    return logit_scale.exp() * cosines + logit_bias


def check_pairs(logits: Float[Tensor, "images texts"]) -> None:
    """Refuse scores from which nothing can be learned.

    Raises
    ------
    ValueError
        If there are fewer than two pairs, or images without a text of their own.
    """
    if len(logits) != logits.shape[1]:
        raise ValueError(f"{len(logits)} images and {logits.shape[1]} texts")
    if len(logits) < 2:
        raise ValueError(f"{len(logits)} pairs: a loss needs at least one wrong text")


def clip_loss(logits: Float[Tensor, "pairs pairs"]) -> Float[Tensor, ""]:
    """Mean cross-entropy of the right text per image and the right image per text.

    Raises
    ------
    ValueError
        If there are fewer than two pairs, or images without a text of their own.
    """
    check_pairs(logits)
    right = torch.arange(len(logits), device=logits.device)
    return (cross_entropy(logits, right) + cross_entropy(logits.T, right)) / 2


def siglip_loss(logits: Float[Tensor, "pairs pairs"]) -> Float[Tensor, ""]:
    """Is this a pair? One yes-or-no question per entry, summed, per image.

    Raises
    ------
    ValueError
        If there are fewer than two pairs, or images without a text of their own.
    """
    check_pairs(logits)
    z = 2 * torch.eye(len(logits), dtype=logits.dtype, device=logits.device) - 1
    return -logsigmoid(z * logits).sum(dim=1).mean()


def class_embeddings(
    prompts: Float[Tensor, "classes templates dim"],
) -> Float[Tensor, "classes dim"]:
    """One vector of length 1 per class: the mean direction of its prompts."""
    return normalize(normalize(prompts).mean(dim=1))


def modality_gap(
    image_embeds: Float[Tensor, "images dim"], text_embeds: Float[Tensor, "texts dim"]
) -> Float[Tensor, ""]:
    """Distance between the mean image and the mean text, both of length-1 vectors.

    Raises
    ------
    ValueError
        If there is no image or no text.
    """
    if not (len(image_embeds) and len(text_embeds)):
        raise ValueError(f"{len(image_embeds)} images and {len(text_embeds)} texts")
    means = [normalize(embeds).mean(dim=0) for embeds in (image_embeds, text_embeds)]
    return (means[0] - means[1]).norm()
