"""Training of a small GPT on Python's help, beside n-grams with Witten-Bell smoothing.

Radford et al. (2019); Witten & Bell (1991), https://doi.org/10.1109/18.87000, with
the interpolation of nltk

Axes::

    tokens   of a text
    count    windows of a text
    length   tokens of a window
    new      tokens whose probability is asked
"""

from collections.abc import Iterator

import numpy as np
import torch
from jaxtyping import Float, Int, Shaped
from torch import Tensor

from snippets.language.help_text import split_help_text
from snippets.transformers.gpt import GPT, generate_without_cache, next_token_loss


def help_bytes(seed: int) -> tuple[Int[Tensor, " tokens"], Int[Tensor, " held_out"]]:
    """The bytes of four fifths of the topics of Python's help, and of the rest."""
    learned, held_out = (
        torch.tensor(list(text.encode())) for text in split_help_text(seed)
    )
    return learned, held_out


def windows(
    ids: Shaped[Tensor, " tokens"], length: int
) -> Shaped[Tensor, "count length"]:
    """Cut a text so that each token but the first is predicted in one window.

    Neighbors share a token. What is left at the end is dropped.

    Raises
    ------
    ValueError
        If a window has no second token, or the text is shorter than one.

    Examples
    --------
    >>> windows(torch.arange(8), length=4)
    tensor([[0, 1, 2, 3],
            [3, 4, 5, 6]])
    """
    if not 2 <= length <= len(ids):
        raise ValueError(f"no windows of {length} in a text of {len(ids)} tokens")
    return ids.unfold(0, length, length - 1)


def training(
    model: GPT,
    ids: Int[Tensor, " tokens"],
    steps: int,
    *,
    seed: int,
    batch: int = 16,
    rate: float = 1e-2,
) -> Iterator[int]:
    """Train a model in place; yield the number of updates after each one.

    A batch has texts of ``n_positions`` tokens, from any place. AdamW; the rate rises
    for a tenth of the steps, then falls linearly to zero.
    """
    length, warm_up = model.wpe.num_embeddings, max(1, steps // 10)
    if not 2 <= length <= len(ids):
        raise ValueError(f"no texts of {length} in one of {len(ids)} tokens")
    generator = torch.Generator().manual_seed(seed)
    places = ids.unfold(0, length, 1)
    optimizer = torch.optim.AdamW(
        model.parameters(), rate, betas=(0.9, 0.99), weight_decay=0.1, fused=True
    )
    for step in range(1, steps + 1):
        fall = (steps + 1 - step) / (steps + 1 - warm_up)
        for group in optimizer.param_groups:
            group["lr"] = rate * min(step / warm_up, fall)
        text = places[torch.randint(len(places), (batch,), generator=generator)]
        optimizer.zero_grad()
        next_token_loss(model(text), text).backward()
        optimizer.step()
        yield step


def witten_bell(
    learned: Int[np.ndarray, " tokens"],
    new: Int[np.ndarray, " new"],
    order: int,
    vocab: int,
) -> Float[np.ndarray, " new"]:
    """Probability of each token of ``new`` after the ``order - 1`` tokens before it.

    Witten-Bell: a context that was seen n times, before k different tokens, keeps the
    share n / (n + k) for its own frequencies; the rest is for the next shorter context.
    The shortest is add-one. Where ``new`` begins, contexts are shorter.

    Raises
    ------
    ValueError
        If there is no n-gram to learn from, a token is not below ``vocab``, or
        ``vocab ** order`` exceeds 64 bits.

    Examples
    --------
    Alone: (1 + 1) / 6 and (2 + 1) / 6. After 0 came one token, 1: (1 + 1 / 2) / 2.

    >>> witten_bell(np.array([0, 1, 1]), np.array([0, 1]), order=2, vocab=3)
    array([0.33333333, 0.75      ])
    """
    if order < 1 or vocab < 1 or vocab**order > 2**63:
        raise ValueError(f"no n-grams with {order=}, {vocab=}")
    if len(learned) < order:
        raise ValueError(f"{len(learned)} tokens have no n-gram of {order=}")
    for ids in filter(len, (learned, new)):
        if ids.min() < 0 or ids.max() >= vocab:
            raise ValueError(f"tokens {ids.min()} to {ids.max()}, but {vocab=}")
    counts = np.bincount(learned, minlength=vocab) + 1
    probability = counts[new] / counts.sum()
    for n in range(2, min(order, len(new)) + 1):
        place = vocab ** np.arange(n)[::-1]  # an n-gram as a number
        grams = np.lib.stride_tricks.sliding_window_view(learned, n) @ place
        kinds, times = np.unique(grams, return_counts=True)
        asked = np.lib.stride_tricks.sliding_window_view(new, n) @ place
        seen = lookup(kinds, times, asked)
        contexts, first, different = np.unique(
            kinds // vocab, return_index=True, return_counts=True
        )
        total = lookup(contexts, np.add.reduceat(times, first), asked // vocab)
        different = lookup(contexts, different, asked // vocab)
        shorter = probability[n - 1 :]
        mixed = (seen + different * shorter) / np.maximum(total + different, 1)
        probability[n - 1 :] = np.where(total, mixed, shorter)
    return probability


def lookup(keys: np.ndarray, values: np.ndarray, asked: np.ndarray) -> np.ndarray:
    """The value of each key, 0 for one that is not among the sorted ``keys``."""
    place = np.searchsorted(keys, asked).clip(max=len(keys) - 1)
    return np.where(keys[place] == asked, values[place], 0)


def n_gram_loss(
    learned: Int[Tensor, " tokens"],
    held_out: Int[Tensor, " new"],
    order: int,
    vocab: int = 256,
    *,
    length: int,
    step: int,
) -> float:
    """Mean loss of n-grams of tokens, on every ``step``-th window of the held-out text.

    Contexts may reach back beyond the beginning of a window.
    """
    p = witten_bell(learned.numpy(), held_out.numpy(), order, vocab)
    return -windows(torch.from_numpy(p), length)[::step, 1:].log().mean().item()


def drawn(
    model: GPT, prompt: list[int], number: int, *, temperature: float, seed: int
) -> list[int]:
    """A prompt and the tokens that a model draws after it.

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

    ids = generate_without_cache(model, torch.tensor([prompt]), number, draw)
    return ids[0].tolist()


def printable(text: bytes) -> str:
    """A line break is shown as ¶, any other byte that is not printable ASCII as a dot.

    Examples
    --------
    >>> printable(b"a\\n\\0b")
    'a¶·b'
    """
    return "".join(
        "¶" if byte == 10 else chr(byte) if 32 <= byte < 127 else "·" for byte in text
    )


def continuation(
    model: GPT, prompt: bytes, number: int, *, temperature: float, seed: int
) -> str:
    """A prompt and the bytes that a model draws after it, see ``printable``."""
    ids = drawn(model, list(prompt), number, temperature=temperature, seed=seed)
    return printable(bytes(ids))
