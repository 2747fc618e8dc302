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
    X_a    the answer: tokens with a label, see image_placeholders

Axes::

    batch     independent texts
    seq       tokens of a text, each image written as its visual tokens
    images    of the whole batch, in the order of their placeholders
    channels  features of a patch, or colors of a pixel
    visual    visual tokens of all images together
    d_model   width of the language model
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.functional import gelu

from snippets.generative.image_placeholders import insert_images
from snippets.generative.visual_tokens import pixel_unshuffle
from snippets.transformers.gpt import GPT
from snippets.transformers.masked_language_modeling import masked_loss


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
