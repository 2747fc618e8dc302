"""Images in a text: placeholders, the labels of the answer, and the merge.

Liu et al. (2023), LLaVA, https://arxiv.org/abs/2304.08485, section 4

Symbols of the paper -> names here::

    H_v    visual: embeddings that the language model reads
    X_a    the answer: tokens whose label is not IGNORED

Axes::

    batch     independent texts
    short     tokens of a text, each image written as one placeholder
    seq       tokens of a text, each image written as its visual tokens
    visual    visual tokens of all images together, in the order of their placeholders
    d_model   width of the language model
    width     of the visual tokens; other than d_model, it is refused
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from snippets.transformers.masked_language_modeling import IGNORED


class Example(NamedTuple):
    """A text and what is learned from it."""

    ids: Int[Tensor, " seq"]
    labels: Int[Tensor, " seq"]  # the token itself, or IGNORED; not yet shifted


def answer_labels(
    ids: Int[Tensor, "*shape"], answer: Bool[Tensor, "*shape"]
) -> Int[Tensor, "*shape"]:
    """The tokens of the answer; all other positions are ``IGNORED``.

    Examples
    --------
    >>> answer_labels(torch.tensor([5, 6, 7]), torch.tensor([False, False, True]))
    tensor([-100, -100,    7])
    """
    return ids.masked_fill(~answer, IGNORED)


def expand_placeholders(
    ids: Int[Tensor, " short"],
    labels: Int[Tensor, " short"],
    counts: Sequence[int],
    image_id: int,
) -> Example:
    """Write each placeholder as often as its image has visual tokens.

    Parameters
    ----------
    counts
        Visual tokens of each image, in the order of the placeholders.

    Raises
    ------
    ValueError
        If there are not as many placeholders as images, or an image has no tokens.

    Examples
    --------
    >>> expand_placeholders(
    ...     torch.tensor([9, 5, 6]), torch.tensor([-100, -100, 6]), [3], image_id=9)
    Example(ids=tensor([9, 9, 9, 5, 6]), labels=tensor([-100, -100, -100, -100,    6]))
    """
    holes = ids == image_id
    if holes.sum() != len(counts):
        raise ValueError(f"{holes.sum()} placeholders, but {len(counts)} images")
    if min(counts, default=1) < 1:
        raise ValueError(f"an image without visual tokens among {list(counts)}")
    times = torch.ones_like(ids)
    times[holes] = torch.tensor(counts, dtype=ids.dtype, device=ids.device)
    labels = labels.masked_fill(holes, IGNORED)  # an image is no target
    return Example(ids.repeat_interleave(times), labels.repeat_interleave(times))


def insert_images(
    embeddings: Float[Tensor, "batch seq d_model"],
    ids: Int[Tensor, "batch seq"],
    visual: Float[Tensor, "visual width"],
    image_id: int,
) -> Float[Tensor, "batch seq d_model"]:
    """Put the visual tokens in the places of the placeholders, in order.

    Raises
    ------
    ValueError
        If there are not as many placeholders as visual tokens, or the widths differ.
    """
    holes = ids == image_id
    if visual.shape[-1] != embeddings.shape[-1]:
        raise ValueError(f"widths {visual.shape[-1]} and {embeddings.shape[-1]}")
    if holes.sum() != len(visual):
        raise ValueError(f"{holes.sum()} placeholders, but {len(visual)} visual tokens")
    return embeddings.masked_scatter(holes[..., None], visual.to(embeddings.dtype))
