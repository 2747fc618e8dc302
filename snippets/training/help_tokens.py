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
from snippets.transformers.gpt import GPT, generate_without_cache, next_token_loss
from snippets.transformers.gpt_training import windows, witten_bell


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


def n_gram_loss(
    learned: Int[Tensor, " tokens"],
    held_out: Int[Tensor, " held_out"],
    order: int,
    vocab: int,
    *,
    length: int,
    step: int,
) -> float:
    """Mean loss of n-grams of tokens, on every ``step``-th window of the held-out text.

    Contexts may reach back beyond the beginning of a window.
    """
    p = torch.from_numpy(witten_bell(learned.numpy(), held_out.numpy(), order, vocab))
    return -windows(p, length)[::step, 1:].log().mean().item()


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
    """A prompt and the tokens that a model draws after it.

    A line break is shown as ¶, and any other byte that is not printable ASCII as a dot.

    Raises
    ------
    ValueError
        If the prompt is empty, or the temperature is not above 0.
    """
    if not prompt or not temperature > 0:
        raise ValueError(f"nothing to draw with {prompt=}, {temperature=}")
    generator = torch.Generator().manual_seed(seed)

    def draw(logits: Tensor) -> Tensor:
        p = (logits / temperature).softmax(dim=-1)
        return p.multinomial(1, generator=generator)[:, 0]

    ids = torch.tensor([tokenizer.encode(prompt)])
    found = generate_without_cache(model, ids, number, draw)[0].tolist()
    return "".join(
        "¶" if byte == 10 else chr(byte) if 32 <= byte < 127 else "·"
        for byte in b"".join(tokenizer.tokens[i] for i in found)
    )
