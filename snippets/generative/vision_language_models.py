"""Vision-language model (VLM): a language model that reads an image as tokens.

Liu et al. (2023), LLaVA, https://arxiv.org/abs/2304.08485, section 4; the projector of
two layers: Liu et al. (2024), LLaVA-1.5, https://arxiv.org/abs/2310.03744

Symbols of the paper -> names here::

    X_v    images
    g      vision: the encoder
    Z_v    features of patches: a grid
    W      projector
    H_v    visual: embeddings that the language model reads
    f_phi  lm
    X_a    the answer: tokens whose label is not IGNORED

Axes::

    batch     independent texts
    seq       tokens of a text, each image written as its visual tokens
    images    of the whole batch, in the order of their placeholders
    channels  features of a patch, or colors of a pixel
    visual    visual tokens of all images together
    d_model   width of the language model
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn.functional import gelu

from snippets.generative.visual_tokens import pixel_unshuffle
from snippets.transformers.gpt import GPT
from snippets.transformers.masked_language_modeling import IGNORED, masked_loss


class Example(NamedTuple):
    """A text and what is learned from it."""

    ids: Int[Tensor, " seq"]
    labels: Int[Tensor, " seq"]  # the token itself, or IGNORED; not yet shifted


class Projector(nn.Module):
    """From features of the encoder to embeddings of the language model.

    The names of the layers are those of transformers.
    """

    def __init__(self, channels: int, d_model: int) -> None:
        super().__init__()
        self.linear_1 = nn.Linear(channels, d_model)
        self.linear_2 = nn.Linear(d_model, d_model)

    def forward(
        self, features: Float[Tensor, "*batch channels"]
    ) -> Float[Tensor, "*batch d_model"]:
        return self.linear_2(gelu(self.linear_1(features)))


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
    labels = labels.masked_fill(holes, IGNORED)  # nobody learns to write an image
    return Example(ids.repeat_interleave(times), labels.repeat_interleave(times))


def insert_images(
    embeddings: Float[Tensor, "batch seq d_model"],
    ids: Int[Tensor, "batch seq"],
    visual: Float[Tensor, "visual d_model"],
    image_id: int,
) -> Float[Tensor, "batch seq d_model"]:
    """Put the visual tokens in the places of the placeholders, in order.

    Raises
    ------
    ValueError
        If there are not as many placeholders as visual tokens.
    """
    holes = ids == image_id
    if holes.sum() != len(visual):
        raise ValueError(f"{holes.sum()} placeholders, but {len(visual)} visual tokens")
    return embeddings.masked_scatter(holes[..., None], visual.to(embeddings.dtype))


def logits_from_embeddings(
    lm: GPT, embeddings: Float[Tensor, "batch seq d_model"]
) -> Float[Tensor, "batch seq vocab"]:
    """What a GPT computes once the tokens are embedded.

    Raises
    ------
    ValueError
        If the text is longer than the table of positions.
    """
    seq, most = embeddings.shape[1], lm.wpe.num_embeddings
    if seq > most:
        raise ValueError(f"{seq} tokens with those of the images, at most {most}")
    x = embeddings + lm.wpe(torch.arange(seq, device=embeddings.device))
    for block in lm.h:
        x = block(x)
    return lm.lm_head(lm.ln_f(x))


def answer_loss(
    logits: Float[Tensor, "batch seq vocab"], labels: Int[Tensor, "batch seq"]
) -> Float[Tensor, ""]:
    """Mean of -log p of the answer's tokens, in nats: position t - 1 answers for t.

    Raises
    ------
    ValueError
        If no label is left: the mean would be NaN.

    Examples
    --------
    >>> logits = torch.tensor([[[0.0, 0.0], [9.0, 0.0]]])
    >>> answer_loss(logits, torch.tensor([[-100, 1]]))  # ln 2, from the first position
    tensor(0.6931)
    """
    return masked_loss(logits[:, :-1], labels[:, 1:])


class VisionLanguageModel(nn.Module):
    """An encoder, a projector, and a GPT.

    Parameters
    ----------
    vision
        Maps images to a grid of features, (images, rows, columns, channels).
    channels
        Features of a patch.
    factor
        The side of a square of patches that share a visual token.
    image_id
        The token that stands for an image in a text.
    """

    def __init__(
        self, vision: nn.Module, lm: GPT, *, channels: int, factor: int, image_id: int
    ) -> None:
        super().__init__()
        self.vision, self.lm = vision, lm
        self.factor, self.image_id = factor, image_id
        self.projector = Projector(channels * factor**2, lm.wte.embedding_dim)

    def forward(
        self,
        images: Float[Tensor, "images channels height width"],
        ids: Int[Tensor, "batch seq"],
    ) -> Float[Tensor, "batch seq vocab"]:
        """Logits after each position; the placeholders in ``ids`` are expanded."""
        features = pixel_unshuffle(self.vision(images), self.factor)
        visual = self.projector(features.flatten(0, 2))
        x = insert_images(self.lm.wte(ids), ids, visual, self.image_id)
        return logits_from_embeddings(self.lm, x)


@torch.no_grad()
def answer(
    model: VisionLanguageModel,
    images: Float[Tensor, "images channels height width"],
    ids: Int[Tensor, "batch seq"],
    max_new_tokens: int,
) -> Int[Tensor, "batch new"]:
    """The most likely next token, again and again, after an image and a prompt."""
    text = ids
    for _ in range(max_new_tokens):
        text = torch.cat([text, model(images, text)[:, -1:].argmax(-1)], dim=1)
    return text[:, ids.shape[1] :]
