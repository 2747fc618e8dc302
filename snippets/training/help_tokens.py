"""Python's help as tokens, and what a GPT writes in them.

Axes::

    batch     texts
    seq       tokens of a short text
    tokens    of a long text
    held_out  tokens of the topics that are not for training
"""

from typing import NamedTuple

import torch
from jaxtyping import Int
from torch import Tensor

from snippets.language.byte_pair_encoding import Tokenizer, word_counts
from snippets.language.byte_pair_training import train
from snippets.language.help_text import split_help_text
from snippets.transformers.gpt import GPT, next_token_loss
from snippets.transformers.gpt_training import drawn, printable


class HelpTokens(NamedTuple):
    """A tokenizer that was trained on four fifths of the topics, and both parts."""

    tokenizer: Tokenizer
    learned: Int[Tensor, " tokens"]
    held_out: Int[Tensor, " held_out"]


def help_tokens(vocab: int, seed: int = 0) -> HelpTokens:
    """The 256 bytes are tokens, and ``vocab - 256`` merges are learned.

    Raises
    ------
    ValueError
        If ``vocab`` is below 256.
    """
    if vocab < 256:
        raise ValueError(f"the bytes alone are 256 tokens, got {vocab=}")
    texts = split_help_text(seed)
    tokenizer = Tokenizer(train(word_counts(texts[0]), vocab - 256))
    return HelpTokens(tokenizer, *(torch.tensor(tokenizer.encode(t)) for t in texts))


def bytes_of(tokenizer: Tokenizer, ids: Tensor) -> int:
    """Number of bytes that tokens stand for."""
    return sum(len(tokenizer.tokens[i]) for i in ids.flatten().tolist())


@torch.no_grad()
def held_out_loss(model: GPT, texts: Int[Tensor, "batch seq"]) -> float:
    """Mean loss per token of a model on texts."""
    return next_token_loss(model(texts), texts).item()


def continuation(
    model: GPT,
    tokenizer: Tokenizer,
    prompt: str,
    number: int,
    *,
    temperature: float,
    seed: int,
) -> str:
    """A prompt and the tokens that a model draws after it, as printable text."""
    ids = drawn(
        model, tokenizer.encode(prompt), number, temperature=temperature, seed=seed
    )
    return printable(b"".join(tokenizer.tokens[i] for i in ids))
