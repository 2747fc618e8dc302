"""Spelled words: a language whose least perplexity is known, and a model of it.

A text is a row of words, each drawn by its frequency in Python's help texts, whatever
the words before it were. So the chance of each letter follows from the words alone, and
no model can have a lower expected loss than these chances.

Axes::

    texts    passages; each begins with a word
    letters  letters of a passage
    words    words that there are
"""

import math
from collections import Counter, defaultdict
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Generator, Tensor, nn
from torch.nn.functional import cross_entropy

from snippets.foundations.resource_accounting import Decoder
from snippets.inference.help_texts import help_words
from snippets.inference.tiny_decoder import TinyDecoder

ALPHABET = "abcdefghijklmnopqrstuvwxyz "


class Language(NamedTuple):
    """Words with a space at the end, and how often each is drawn."""

    words: list[str]
    chances: Float[Tensor, " words"]


def help_language(number: int) -> Language:
    """The most frequent words of Python's help texts.

    Examples
    --------
    >>> help_language(3).words
    ['the ', 'a ', 'is ']
    """
    counts = Counter(word for word in help_words(200_000) if word.isalpha())
    words, times = zip(*counts.most_common(number), strict=True)
    chances = torch.tensor(times, dtype=torch.float64)
    return Language([word + " " for word in words], chances / chances.sum())


def draw_texts(
    language: Language, texts: int, letters: int, random: Generator | None = None
) -> Int[Tensor, "texts letters"]:
    """Random passages, as numbers of letters; the last word may be cut."""
    drawn = language.chances.multinomial(texts * letters, True, generator=random)
    passages = []
    for row in drawn.view(texts, letters).tolist():
        passage = "".join(language.words[i] for i in row)[:letters]
        passages.append([ALPHABET.index(letter) for letter in passage])
    return torch.tensor(passages)


def least_perplexity(language: Language, texts: Int[Tensor, "texts letters"]) -> float:
    """Perplexity of the true chances of all letters but the first of each passage.

    Examples
    --------
    After "a" comes "b" or "c", and then a space:

    >>> language = Language(["ab ", "ac "], torch.tensor([0.5, 0.5]))
    >>> least_perplexity(language, torch.tensor([[0, 1]]))  # "ab"
    2.0
    """
    chance = defaultdict(float)  # that a word begins so
    for word, share in zip(*language, strict=True):
        for end in range(len(word) + 1):
            chance[word[:end]] += float(share)
    losses = []
    for text in texts.tolist():
        begun = ""
        for letter in (ALPHABET[i] for i in text):
            losses.append(math.log(chance[begun] / chance[begun + letter]))
            begun = "" if letter == " " else begun + letter
        del losses[-len(text)]
    return math.exp(sum(losses) / len(losses))


def trained_speller(texts: Int[Tensor, "texts letters"], steps: int) -> TinyDecoder:
    """One layer of width 64, trained on batches of 16 passages; weights by Muon."""
    sizes = Decoder(
        layers=1, d_model=64, heads=4, kv_heads=4, head_dim=16, d_ff=128, vocab=27
    )
    model = TinyDecoder(sizes)
    layers = [each for each in model.layers.modules() if isinstance(each, nn.Linear)]
    matrices = [layer.weight for layer in layers]
    rest = [weight for name, weight in model.named_parameters() if "proj" not in name]
    optimizers = (
        torch.optim.AdamW(rest, 1e-2),
        torch.optim.Muon(matrices, 2e-2, weight_decay=0.0, ns_steps=3),
    )
    warm = [
        torch.optim.lr_scheduler.LambdaLR(
            each, lambda step: min(1, (step + 1) / 10, 2 - 2 * step / steps)
        )
        for each in optimizers
    ]
    for _ in range(steps):
        text = texts[torch.randint(len(texts), (16,))]
        logits = model.lm_head(model(text[:, :-1]))
        loss = cross_entropy(logits.flatten(0, 1), text[:, 1:].flatten())
        model.zero_grad()
        loss.backward()
        for each in (*optimizers, *warm):
            each.step()
    return model.requires_grad_(False)
