"""Beam search: keep the best few beginnings of a sequence.

The result is the first of ``transformers`` 5.23 with ``early_stopping="never"`` and
``length_penalty=0``. They look at ``2 * num_beams`` candidates, which lower places
need: here, what ranks below a finished sequence cannot win.

Glossary::

    num_beams       width    how many sequences a step keeps, finished ones included
    max_new_tokens  steps
    eos_token_id    end      the token that finishes a sequence

Axes: ``beams``, ``seq``, ``vocab``.
"""

from collections.abc import Callable
from math import inf
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

Model = Callable[[Int[Tensor, "beams seq"]], Float[Tensor, "beams vocab"]]


class Found(NamedTuple):
    """A sequence with its prompt, and the log-probability of what was added."""

    log_prob: float
    tokens: list[int]


def check(scores: Float[Tensor, "beams vocab"]) -> None:
    """Refuse what cannot be the logarithms of probabilities.

    In 16 bits, a logarithm near -10 is rounded by up to 1/32, a probability by 3 %.
    """
    if scores.shape[-1] == 0:
        raise ValueError("the vocabulary is empty")
    if not (scores.float().exp().sum(-1) - 1).abs().max() < 0.05:  # also NaN
        raise ValueError("the scores are not log-probabilities: apply log_softmax")


def beam_search(
    model: Model,
    prompt: Int[Tensor, " prompt"],
    steps: int,
    width: int,
    end: int | None = None,
) -> Found:
    """The most probable sequence among those that the beam meets.

    Raises
    ------
    ValueError
        If ``steps`` or ``width`` is below 1, or the model gives no log-probabilities.
    """
    if steps < 1 or width < 1:
        raise ValueError(f"steps={steps} and width={width} must be at least 1")
    beams, scores = prompt[None], torch.zeros(1, device=prompt.device)
    best = Found(-inf, prompt.tolist())
    for _ in range(steps):
        step = model(beams)
        check(step)
        total = (scores[:, None] + step).flatten()
        top = total.topk(min(width, len(total)))
        row, token = top.indices // step.shape[1], top.indices % step.shape[1]
        grown = torch.cat([beams[row], token[:, None]], dim=1)
        ended = token == (-1 if end is None else end)
        for i in ended.nonzero()[:, 0].tolist():
            best = max(best, Found(top.values[i].item(), grown[i].tolist()))
        beams, scores = grown[~ended], top.values[~ended]
        if len(beams) == 0 or scores[0] <= best.log_prob:
            return best  # more tokens only lower a log-probability
    return Found(scores[0].item(), beams[0].tolist())


def exhaustive_search(
    model: Model,
    prompt: Int[Tensor, " prompt"],
    steps: int,
    end: int | None = None,
) -> Found:
    """The most probable sequence of all, by trying each."""
    best, open_sequences = Found(-inf, prompt.tolist()), [Found(0.0, prompt.tolist())]
    while open_sequences:
        log_prob, tokens = open_sequences.pop()
        if len(tokens) - len(prompt) == steps or tokens[len(prompt) :][-1:] == [end]:
            best = max(best, Found(log_prob, tokens))
            continue
        scores = model(torch.tensor([tokens]))[0].tolist()
        open_sequences += [
            Found(log_prob + score, [*tokens, token])
            for token, score in enumerate(scores)
        ]
    return best
