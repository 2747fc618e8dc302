"""Small GPTs that learn to put words in order.

Axes::

    models  trained side by side
    marks   numbers of updates after which the loss is measured
    batch   rows of one model in one update
    seq     tokens of a row
    vocab   words, SEP and EOS
"""

import random
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from snippets.training.pretraining import cosine_with_warmup
from snippets.training.sentence_reconstruction import (
    Batch,
    Tokens,
    constrain,
    reconstruction_batch,
)
from snippets.training.side_by_side import hand_back, mean_losses, side_by_side
from snippets.training.small_grammar import LONGEST, WORDS, draw_sentence, is_sentence
from snippets.transformers.gpt import GPT

SPECIAL = Tokens(sep=len(WORDS), eos=len(WORDS) + 1)
SIZES = {"vocab": len(WORDS) + 2, "n_positions": 2 * LONGEST + 2, "d_model": 32}
BATCH, EVERY = 16, 100
Sentences = list[list[str]]


def split_sentences(learned: int, held_out: int, seed: int) -> tuple[Sentences, ...]:
    """Sentences to learn from, and others; no two in both have the same words."""
    source = random.Random(seed)
    test = [draw_sentence(source) for _ in range(held_out)]
    bags = {tuple(sorted(sentence)) for sentence in test}
    train: Sentences = []
    while len(train) < learned:
        sentence = draw_sentence(source)
        if tuple(sorted(sentence)) not in bags:
            train.append(sentence)
    return train, test


def rows(sentences: Sentences, seed: int) -> Batch:
    """The batch of :func:`.reconstruction_batch`, with the words as ids."""
    ids = [[WORDS.index(word) for word in sentence] for sentence in sentences]
    generator = torch.Generator().manual_seed(seed)
    return reconstruction_batch(ids, LONGEST, SPECIAL, generator)


class Run(NamedTuple):
    """Trained models, and the held-out loss of the words after SEP."""

    models: list[GPT]
    losses: Float[Tensor, "marks models"]


def train_orders(
    train: Sentences, test: Sentences, number: int, updates: int, seed: int
) -> Run:
    """Train ``number`` GPTs of one block, each from its own start and on its own rows.

    The learning rate rises for a tenth of the updates, then falls to zero.
    """
    learned, held_out, models = rows(train, seed), rows(test, seed), []
    for i in range(number):
        torch.manual_seed(1000 * seed + i)
        models.append(GPT(**SIZES, layers=1, heads=8, std=0.3))
    weights, apply = side_by_side(models)
    optimizer = torch.optim.AdamW(
        weights.values(), 0.01, betas=(0.9, 0.98), weight_decay=0.05, fused=True
    )
    generator, losses = torch.Generator().manual_seed(seed), []
    new = Batch(*(x.expand(number, -1, -1) for x in held_out))
    for step in range(updates + 1):
        if step % EVERY == 0:
            with torch.no_grad():
                logits = apply(weights, new.ids[..., :-1])
                losses.append(mean_losses(logits, new.labels))
        if step == updates:
            break
        for group in optimizer.param_groups:
            group["lr"] = 0.01 * cosine_with_warmup(
                step, warmup_steps=updates // 10, total_steps=updates
            )
        drawn = torch.randint(len(train), (number, BATCH), generator=generator)
        logits = apply(weights, learned.ids[drawn][..., :-1])
        loss = mean_losses(logits, learned.labels[drawn])
        optimizer.zero_grad()
        loss.sum().backward()  # each model has its own gradient
        optimizer.step()
    hand_back(models, weights)
    return Run(models, torch.stack(losses))


@torch.no_grad()
def answers(model: GPT, prompts: Int[Tensor, "batch seq"], *, free: bool) -> Sentences:
    """What the model writes after SEP, greedily; up to EOS, if it comes."""
    ids = prompts[:, : LONGEST + 1]
    for _ in range(LONGEST + 1):
        scores = model(ids)[:, -1]
        if not free:
            scores = constrain(scores, ids, SPECIAL)
        ids = torch.cat([ids, scores.argmax(dim=1, keepdim=True)], dim=1)
    names = [*WORDS, "SEP", "EOS"]
    written = [[names[i] for i in row] for row in ids[:, LONGEST + 1 :].tolist()]
    return [row[: [*row, "EOS"].index("EOS")] for row in written]


class Scores(NamedTuple):
    """Shares of the answers."""

    multiset: float  # uses each given word once
    grammatical: float  # and is a sentence
    exact: float  # and is the sentence from which the words came


def score(found: Sentences, sentences: Sentences) -> Scores:
    """Compare answers with the sentences that were shuffled."""
    pairs = list(zip(found, sentences, strict=True))
    whole = [pair for pair in pairs if sorted(pair[0]) == sorted(pair[1])]
    grammatical = sum(is_sentence(answer) for answer, _ in whole)
    exact = sum(answer == sentence for answer, sentence in whole)
    return Scores(*(n / len(pairs) for n in (len(whole), grammatical, exact)))
