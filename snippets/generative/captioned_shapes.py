"""Captions of small images as tokens, and images for training, choices and results.

An example is ``<image>`` four times, a prompt, and the caption, for instance
``<image> <image> <image> <image> describe : red disk , lower left <end>``.

Axes::

    batch   images
    visual  visual tokens of an image: 4
    seq     tokens of an example: 12
    text    tokens after the image: 8
"""

from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from snippets.generative.shapes import COLORS, KINDS, SHAPES, SHIFTS, caption, render

WORDS = ["<image>", "<end>", "describe", ":", ",", *COLORS, *SHAPES]
WORDS += ["upper", "lower", "left", "right"]
IMAGE, VISUAL, PROMPT = 0, 4, 2  # id of the placeholder; tokens of image and prompt
NOISE = 0.1  # standard deviation of the noise in the pixels
PARTS = {"validation": (0, 96), "test": (96, 192), "train": (192, 576)}


def tokens(text: str) -> list[int]:
    """The ids of words that stand between spaces; a comma is a word.

    Examples
    --------
    >>> [WORDS[i] for i in tokens("red disk, lower left")]
    ['red', 'disk', ',', 'lower', 'left']
    """
    return [WORDS.index(word) for word in text.replace(",", " ,").split()]


TEXTS = torch.tensor([tokens(f"describe : {caption(k)} <end>") for k in KINDS])
HINTS = TEXTS[:, [2, 3, 5, 6]]  # color, shape, row and column


class Shown(NamedTuple):
    """Images and which of ``KINDS`` they show."""

    images: Float[Tensor, "batch 3 height width"]
    kind: Int[Tensor, " batch"]


def draw_images(part: str, generator: torch.Generator, copies: int = 1) -> Shown:
    """All images of one of ``PARTS``, each ``copies`` times with other noise.

    There are 64 kinds and 9 shifts, so 576 images without noise. Settings are chosen
    on ``validation``, and results are measured on ``test``.
    """
    order = torch.randperm(
        len(KINDS) * SHIFTS**2, generator=torch.Generator().manual_seed(0)
    )
    chosen = order[slice(*PARTS[part])].repeat(copies)
    kind, shift = chosen // SHIFTS**2, chosen % SHIFTS**2
    images = render(KINDS[kind], torch.stack([shift // SHIFTS, shift % SHIFTS], 1))
    noise = torch.randn(images.shape, generator=generator)
    return Shown(images + NOISE * noise, kind)


def draw_hints(
    kind: Int[Tensor, "*batch"], generator: torch.Generator
) -> Int[Tensor, "*batch visual"]:
    """Color, shape, row and column of each kind, as words in random order."""
    hints = HINTS[kind]
    order = torch.rand(hints.shape, generator=generator).argsort(-1)
    return hints.gather(-1, order)
