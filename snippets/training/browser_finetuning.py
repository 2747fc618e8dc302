"""Supervised fine-tuning of a small language model on questions and answers.

The loss is that of :mod:`snippets.training.tool_use_finetuning`: only the answer and
the end of text are labels. Replay mixes texts of pre-training into each batch: Robins
(1995), https://doi.org/10.1080/09540099550039318.

Axes::

    batch    pairs or texts
    seq      tokens of the longest one, the others padded
"""

import random
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from snippets.language.byte_pair_encoding import Tokenizer
from snippets.training.country_facts import Pair
from snippets.training.pretraining import IGNORED
from snippets.training.tool_use_finetuning import masked_loss

END = "<|end|>"


class Row(NamedTuple):
    """Token ids, and those of them that are to be learned, or IGNORED."""

    ids: list[int]
    labels: list[int]


def prompt(question: str) -> str:
    """The text before an answer."""
    return f"Question: {question} Answer:"


def encode_pair(tokenizer: Tokenizer, pair: Pair, longest: int = 40) -> Row:
    """End of text, question, answer, end of text; the last two are labels.

    Raises
    ------
    ValueError
        If the pair has more than ``longest`` tokens: its answer would be cut off.
    """
    end = tokenizer.special[END]
    asked = [end, *tokenizer.encode(prompt(pair.question))]
    said = [*tokenizer.encode(f" {pair.answer}"), end]
    if len(asked) + len(said) > longest:
        raise ValueError(f"{len(asked)} + {len(said)} tokens, {longest=}: {pair}")
    return Row(asked + said, [IGNORED] * len(asked) + said)


def encode_prose(tokenizer: Tokenizer, text: str, longest: int = 40) -> Row:
    """End of text, and the first tokens of a text, which are all labels."""
    end = tokenizer.special[END]
    ids = [end, *tokenizer.encode(text)][:longest]
    return Row(ids, [IGNORED, *ids[1:]])


def pad(
    rows: Sequence[Row], end: int
) -> tuple[Int[Tensor, "batch seq"], Int[Tensor, "batch seq"]]:
    """Ids and labels as long as the longest row; what is added is no label."""
    if not rows:
        raise ValueError("no rows to pad")
    longest = max(len(row.ids) for row in rows)
    ids = [row.ids + [end] * (longest - len(row.ids)) for row in rows]
    labels = [row.labels + [IGNORED] * (longest - len(row.labels)) for row in rows]
    return torch.tensor(ids), torch.tensor(labels)


def loss_on(model: nn.Module, rows: Sequence[Row], end: int) -> Float[Tensor, ""]:
    """Mean of -log p over the labels of all rows."""
    ids, labels = pad(rows, end)
    return masked_loss(model(ids), labels)


def fine_tune(
    model: nn.Module,
    pairs: Sequence[Row],
    *,
    end: int,
    steps: int,
    replay: Sequence[Row] = (),
    batch: int = 16,
    lr: float = 1e-3,
    seed: int = 0,
) -> Iterator[Float[Tensor, ""]]:
    """Train in place with AdamW; report the loss on each batch before its update.

    With ``replay``, a quarter of each batch are such rows, and the loss is the mean of
    the loss on pairs and the loss on replayed rows.

    Raises
    ------
    ValueError
        If there are fewer pairs, or rows to replay, than a batch takes.
    """
    again = batch // 4 if replay else 0
    if len(pairs) < batch - again or len(replay) < again:
        raise ValueError(f"{len(pairs)} pairs, {len(replay)} to replay, {batch=}")
    optimizer = torch.optim.AdamW(model.parameters(), lr=lr, weight_decay=0.0)
    draw = random.Random(seed)
    for _ in range(steps):
        loss = loss_on(model, draw.sample(pairs, batch - again), end)
        if again:
            loss = (loss + loss_on(model, draw.sample(replay, again), end)) / 2
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        yield loss.detach()


@torch.no_grad()
def complete(
    model: nn.Module, tokenizer: Tokenizer, texts: Sequence[str], most: int = 12
) -> list[str]:
    """The most likely token, again and again, until the end of text.

    Texts are padded at their end, which a causal model never reads; those that have
    ended are not read again.
    """
    end = tokenizer.special[END]
    rows = [[end, *tokenizer.encode(text)] for text in texts]
    starts, unfinished = [len(ids) for ids in rows], range(len(rows))
    for _ in range(most):
        ids, _ = pad([Row(rows[i], []) for i in unfinished], end)
        last = torch.tensor([len(rows[i]) - 1 for i in unfinished])
        logits = model(ids)[torch.arange(len(ids)), last]
        for i, token in zip(unfinished, logits.argmax(-1).tolist(), strict=True):
            rows[i].append(token)
        unfinished = [i for i in unfinished if rows[i][-1] != end]
        if not unfinished:
            break
    said = [ids[start:] for ids, start in zip(rows, starts, strict=True)]
    return [tokenizer.decode([i for i in ids if i != end]).strip() for ids in said]


def exact_match(
    model: nn.Module, tokenizer: Tokenizer, pairs: Sequence[Pair]
) -> Float[Tensor, " batch"]:
    """1 for each pair whose answer is written in full, character by character."""
    said = complete(model, tokenizer, [prompt(pair.question) for pair in pairs])
    right = [text == pair.answer for text, pair in zip(said, pairs, strict=True)]
    return torch.tensor(right, dtype=torch.float32)
