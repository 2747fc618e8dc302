"""A small language: the first token of a text names the rule of all others.

Drawn for the page about DeepSeek; no paper has it.

A text begins with one of ``topics`` topic tokens and goes on with symbols. The first
symbol is drawn uniformly. After symbol a comes, with probability ``FOLLOWED``, the
symbol that the topic's rule gives for a; otherwise, any symbol. Each rule is a
permutation of the symbols, so a symbol alone says nothing of the topic.

Axes::

    batch    texts
    seq      tokens of a text
    topics   topic tokens, with the ids 0, 1, ...
    symbols  symbols, with the ids after those of the topics
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor

FOLLOWED = 0.9


def rules(
    topics: int, symbols: int, generator: torch.Generator
) -> Int[Tensor, "topics symbols"]:
    """One permutation of the symbols for each topic.

    Raises
    ------
    ValueError
        If there is no topic, or no second symbol.
    """
    if topics < 1 or symbols < 2:
        raise ValueError(f"no language of {topics=}, {symbols=}")
    return torch.rand(topics, symbols, generator=generator).argsort(dim=1)


def texts(
    rules: Int[Tensor, "topics symbols"],
    batch: int,
    seq: int,
    generator: torch.Generator,
) -> Int[Tensor, "batch seq"]:
    """Draw texts.

    Raises
    ------
    ValueError
        If a text would have no symbol.
    """
    if seq < 2:
        raise ValueError(f"a topic and a symbol do not fit into {seq=} tokens")
    topics, symbols = rules.shape
    topic = torch.randint(topics, (batch,), generator=generator)
    other = torch.randint(symbols, (batch, seq), generator=generator)
    follows = torch.rand(batch, seq, generator=generator) < FOLLOWED
    drawn = [topic, topics + other[:, 1]]
    for t in range(2, seq):
        ruled = rules[topic, drawn[-1] - topics]
        drawn.append(topics + torch.where(follows[:, t], ruled, other[:, t]))
    return torch.stack(drawn, dim=1)


def ideal_loss(
    rules: Int[Tensor, "topics symbols"],
    texts: Int[Tensor, "batch seq"],
    *,
    topic_known: bool = True,
) -> Float[Tensor, ""]:
    """Mean loss in nats of a reader that knows the rules, from the third token on.

    The second token cannot be predicted. A reader without the topic expects all topics
    alike after every symbol.

    Examples
    --------
    One topic, two symbols: after symbol 1 comes symbol 2 in 95 % of the cases.

    >>> swap = torch.tensor([[1, 0]])
    >>> ideal_loss(swap, torch.tensor([[0, 1, 2]]))  # -log 0.95
    tensor(0.0513)
    """
    topics, symbols = rules.shape
    now, after = texts[:, 1:-1] - topics, texts[:, 2:] - topics
    follows = (rules[:, now] == after).float()  # (topics, batch, seq - 2)
    if topic_known:
        follows = follows[texts[:, 0], torch.arange(len(texts))]
    else:
        follows = follows.mean(dim=0)
    return -(FOLLOWED * follows + (1 - FOLLOWED) / symbols).log().mean()
