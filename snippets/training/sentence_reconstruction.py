"""Put shuffled words in order: the loss mask, and decoding that uses each word once.

Decoding with a language model: Schmaltz, Rush and Shieber (2016),
https://doi.org/10.18653/v1/D16-1255. The mask on the scores is that of
``PrefixConstrainedLogitsProcessor`` in transformers.

A row of ids is: shuffled words, SEP, sentence, EOS. Where rows differ in length, EOS
fills them at both ends, so that SEP is at the same position in all rows.

Glossary::

    prefix_allowed_tokens_fn   allowed       tokens that may come next
    num_beams                  width         beginnings that a step keeps
    labels of -100             IGNORED       tokens that do not count in the loss

Axes::

    batch   independent rows
    seq     tokens of a row
    prompt  shuffled words and SEP
    vocab   tokens that there are: words, SEP and EOS
"""

from collections.abc import Sequence
from math import inf
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from snippets.language.beam_search import Found, Model, check
from snippets.training.pretraining import IGNORED


class Tokens(NamedTuple):
    """The ids of the two tokens that are not words."""

    sep: int  # between the shuffled words and the sentence
    eos: int  # after the sentence; also fills shorter rows


class Batch(NamedTuple):
    """What the model reads, and the tokens that count in its loss."""

    ids: Int[Tensor, "batch seq"]
    labels: Int[Tensor, "batch seq"]


def reconstruction_batch(
    sentences: Sequence[Sequence[int]],
    longest: int,
    special: Tokens,
    generator: torch.Generator | None = None,
) -> Batch:
    """Shuffle the words of each sentence; only what comes after SEP is a label.

    SEP is at position ``longest``.

    Raises
    ------
    ValueError
        If there is no sentence; if a sentence is empty, longer than ``longest``, or
        has SEP, EOS or a negative id among its words; or if SEP is EOS.

    Examples
    --------
    >>> batch = reconstruction_batch([[5, 6], [7]], 2, Tokens(sep=1, eos=0))
    >>> batch.ids[1].tolist(), batch.labels[1].tolist()
    ([0, 7, 1, 7, 0, 0], [-100, -100, -100, 7, 0, -100])
    """
    if not sentences:
        raise ValueError("an empty batch: there is no sentence")
    if special.sep == special.eos:
        raise ValueError(f"SEP and EOS are the same token: {special}")
    ids = torch.full((len(sentences), 2 * longest + 2), special.eos)
    labels = torch.full_like(ids, IGNORED)
    for row, sentence in enumerate(sentences):
        n = len(sentence)
        if not 0 < n <= longest or set(special) & set(sentence) or min(sentence) < 0:
            raise ValueError(f"not 1 to {longest} words in row {row}: {sentence}")
        words = torch.tensor(sentence)
        order = torch.randperm(n, generator=generator)
        ids[row, longest - n : longest] = words[order]
        ids[row, longest] = special.sep
        answer = slice(longest + 1, longest + 1 + n)
        ids[row, answer] = labels[row, answer] = words
        labels[row, answer.stop] = special.eos
    return Batch(ids, labels)


def remaining(
    ids: Int[Tensor, "batch seq"], vocab: int, special: Tokens
) -> Int[Tensor, "batch vocab"]:
    """How often each word may still be used: its count before SEP minus after.

    Raises
    ------
    ValueError
        If a row has no SEP or more than one, no word before SEP, or a word more often
        after SEP than before.

    Examples
    --------
    >>> remaining(torch.tensor([[2, 3, 2, 1, 2]]), vocab=4, special=Tokens(1, 0))
    tensor([[0, 0, 1, 1]])
    """
    is_sep = ids == special.sep
    # A word before SEP is given (+1), a word after SEP is used (-1).
    sign = torch.where(is_sep.cumsum(dim=1) == 0, 1, -1)
    sign = sign.masked_fill(is_sep | (ids == special.eos), 0)
    valid = (is_sep.sum(dim=1) == 1) & (sign == 1).any(dim=1)
    if not valid.all():
        row = int((~valid).nonzero()[0])
        raise ValueError(f"row {row} is not words and SEP: {ids[row].tolist()}")
    counts = torch.zeros(len(ids), vocab, dtype=sign.dtype, device=ids.device)
    counts.scatter_add_(1, ids.long(), sign)
    if (counts < 0).any():
        row, word = (counts < 0).nonzero()[0].tolist()
        tokens = ids[row].tolist()
        raise ValueError(f"row {row} uses word {word} too often: {tokens}")
    return counts


def allowed(
    ids: Int[Tensor, "batch seq"], vocab: int, special: Tokens
) -> Bool[Tensor, "batch vocab"]:
    """The words that remain; EOS when none remains."""
    left = remaining(ids, vocab, special) > 0
    left[:, special.eos] = ~left.any(dim=1)
    return left


def constrain(
    scores: Float[Tensor, "batch vocab"],
    ids: Int[Tensor, "batch seq"],
    special: Tokens,
) -> Float[Tensor, "batch vocab"]:
    """Set the scores of all other tokens to minus infinity; the rest stay."""
    may_come = allowed(ids, scores.shape[1], special)
    return scores.masked_fill(~may_come, -inf)


def ordering_beam_search(
    model: Model, prompt: Int[Tensor, " prompt"], width: int, special: Tokens
) -> Found:
    """A probable arrangement of the words of a prompt, all of which it uses.

    Parameters
    ----------
    model
        Maps rows of ids to log-probabilities of the next token.
    width
        1 is greedy; with n! for n words, the result is the most probable arrangement.

    Raises
    ------
    ValueError
        If ``width`` is below 1, the prompt is not words and SEP, or all remaining
        words have probability 0.
    """
    if width < 1:
        raise ValueError(f"a beam of {width=} keeps nothing")
    beams, scores = prompt[None], torch.zeros(1, device=prompt.device)
    words = int(remaining(prompt[None], int(prompt.max()) + 1, special).sum())
    for _ in range(words + 1):  # the last one adds EOS
        step = model(beams)
        check(step)
        total = (scores[:, None] + constrain(step, beams, special)).flatten()
        possible = int((total > -inf).sum())
        if not possible:
            raise ValueError(f"no remaining word has a probability: {beams.tolist()}")
        top = total.topk(min(width, possible))
        row, token = top.indices // step.shape[1], top.indices % step.shape[1]
        beams = torch.cat([beams[row], token[:, None]], dim=1)
        scores = top.values
    return Found(scores[0].item(), beams[0].tolist())
