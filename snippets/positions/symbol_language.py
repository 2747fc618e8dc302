"""A language of five symbols, and the training of several models on it at once.

In a text, the two symbols before a position name the next one by a fixed random table;
with a probability of 10 % it is any symbol instead. The first token of a text is one of
five topics. At each position a model predicts the next symbol and the topic.

Axes::

    models   models that are trained side by side, on texts of their own
    steps    updates, each on new texts
    batch    texts of one model in one step
    samples  texts
    seq      positions, the topic first
    tokens   of a text, with the one that the last position predicts; ``seq + 1``
"""

from collections.abc import Iterable
from copy import deepcopy
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.func import functional_call, stack_module_state, vmap
from torch.nn.functional import cross_entropy

from snippets.positions.positional_encodings import Reader

SYMBOLS, NOISE = 5, 0.1


def next_symbol() -> Float[Tensor, "symbols symbols symbols"]:
    """Probabilities of the next symbol, for each of the 25 pairs before it."""
    random = torch.Generator().manual_seed(1)
    named = torch.randint(SYMBOLS, (SYMBOLS, SYMBOLS, 1), generator=random)
    noise = torch.full((SYMBOLS, SYMBOLS, SYMBOLS), NOISE / SYMBOLS)
    return noise.scatter_add(2, named, torch.full(named.shape, 1 - NOISE))


def texts(samples: int, seq: int, seed: int) -> Int[Tensor, "samples seq"]:
    """Texts of the language; topics are the tokens from 5 to 9."""
    random = torch.Generator().manual_seed(seed)
    text = torch.randint(SYMBOLS, (samples, seq), generator=random)
    thresholds = next_symbol().cumsum(-1)[..., :-1]
    for t in range(3, seq):
        dice = torch.rand(samples, 1, generator=random)
        text[:, t] = (dice > thresholds[text[:, t - 2], text[:, t - 1]]).sum(1)
    text[:, 0] += SYMBOLS
    return text


def batches(
    steps: int, models: int, batch: int, seq: int, seed: int
) -> Int[Tensor, "steps models batch tokens"]:
    """Texts to train on: new ones in each step, and for each model its own."""
    drawn = texts(steps * models * batch, seq + 1, seed)
    return drawn.unflatten(0, (steps, models, batch))


class Loss(NamedTuple):
    symbol: Float[Tensor, "*models samples seq"]  # KL divergence, in nats
    topic: Float[Tensor, "*models samples seq"]  # cross-entropy, in nats


class Means(NamedTuple):
    """Means of a loss over positions, for each model."""

    inside: Float[Tensor, " models"]  # next symbol, within the trained length
    beyond: Float[Tensor, " models"]  # next symbol, after three times that length
    topic: Float[Tensor, " models"]  # topic, after three times that length

    def measured(self, name: str) -> dict[str, Tensor]:
        """Means over the models, and the range of the topic."""
        return {
            f"{name}_inside": self.inside.mean(),
            f"{name}_beyond": self.beyond.mean(),
            f"{name}_topic_low": self.topic.min(),
            f"{name}_topic_high": self.topic.max(),
        }


def means(loss: Loss, trained: int) -> Means:
    """Means of what ``evaluate`` gives for models of a trained length.

    Examples
    --------
    >>> rising = torch.arange(30.0)[None]  # at positions 3, 4, ...
    >>> means(Loss(rising, 2 * rising), trained=8)
    Means(inside=tensor([3.5000]), beyond=tensor([25.5000]), topic=tensor([51.]))
    """
    beyond = slice(3 * trained - 2, None)
    inside = loss.symbol[:, 2 : trained - 2].mean(1)
    return Means(inside, loss.symbol[:, beyond].mean(1), loss.topic[:, beyond].mean(1))


def losses(
    logits: Float[Tensor, "*models samples seq outputs"],
    text: Int[Tensor, "*models samples tokens"],
) -> Loss:
    """Losses at positions 3, 4, ...; the first two symbols of a text are free."""
    truth = next_symbol()[text[..., 1:-2], text[..., 2:-1]]
    symbol, topic = logits[..., 2:, :].split(SYMBOLS, dim=-1)
    symbol, topic = symbol.log_softmax(-1), topic.log_softmax(-1)
    right = (text[..., :1, None] - SYMBOLS).expand(*topic.shape[:-1], 1)
    divergence = (truth * (truth.log() - symbol)).sum(-1)
    return Loss(divergence, -topic.gather(-1, right)[..., 0])


def stack(models: list[Reader]):
    """Parameters of all models, and a function that applies each to its texts."""
    parameters, _ = stack_module_state(models)
    first = models[0]
    return parameters, vmap(lambda own, text: functional_call(first, own, (text,)))


def train(
    models: list[Reader], drawn: Int[Tensor, "steps models batch tokens"], rate: float
) -> tuple[list[Reader], Float[Tensor, "steps models"]]:
    """Trained copies of the models, and their divergence on each batch before its step.

    Adam, with a learning rate that rises to ``rate`` and falls to zero.
    """
    parameters, apply = stack(models)
    optimizer = torch.optim.Adam(parameters.values(), rate, fused=True)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, len(drawn))
    history = []
    for text in drawn:
        optimizer.zero_grad()
        logits = apply(parameters, text[..., :-1])
        symbol, topic = logits.split(SYMBOLS, dim=-1)
        right = (text[..., :1] - SYMBOLS).expand(topic.shape[:-1])
        loss = cross_entropy(symbol.flatten(0, -2), text[..., 1:].flatten())
        loss = loss + cross_entropy(topic.flatten(0, -2), right.flatten())
        (len(models) * loss).backward()  # the sum over models: each has its gradient
        optimizer.step()
        schedule.step()
        history.append(logits.detach())
    trained = [deepcopy(model) for model in models]
    for place, model in enumerate(trained):
        own = {name: stacked[place] for name, stacked in parameters.items()}
        model.load_state_dict(own)
    history = losses(torch.stack(history), drawn).symbol.mean((2, 3))
    return trained, history


def train_in_stages(
    models: list[Reader], stages: Iterable[tuple[int, int, int, float]]
) -> list[Reader]:
    """Trained copies of the models, after several calls of ``train``.

    Parameters
    ----------
    stages
        Steps, texts of a batch, positions and learning rate; the texts of a stage are
        drawn with its number as seed.
    """
    for seed, (steps, batch, seq, rate) in enumerate(stages):
        drawn = batches(steps, len(models), batch, seq, seed)
        models, _ = train(models, drawn, rate)
    return models


@torch.no_grad()
def evaluate(
    models: list[Reader],
    text: Int[Tensor, "samples tokens"],
    at_once: int | None = None,
) -> Loss:
    """Losses of each model, averaged over the same texts; axes ``(models, seq)``.

    Parameters
    ----------
    at_once
        Texts that are in memory together, all by default.
    """
    parameters, apply = stack(models)
    parts = []
    for some in text.split(at_once or len(text)):
        some = some.expand(len(models), -1, -1)
        parts.append(losses(apply(parameters, some[..., :-1]), some))
    return Loss(*(torch.cat(part, dim=1).mean(1) for part in zip(*parts, strict=True)))
