"""A policy that chooses between two honest methods and editing the tests.

Williams (1992), REINFORCE, https://doi.org/10.1007/BF00992696

The honest methods pass the tests with probability 0.5 and 0.6. The third method edits
the tests. Then the tests pass and the task is not done. The *proxy reward* is what the
policy is trained on, the *true reward* is 1 if the task is done.

A defense maps the hacks of a batch, and which of them were caught, to the rewards of
these hacks and to whether they count in the update.
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor

HONEST = (0.5, 0.6)
START = (0.0, 0.0, -2.0)  # logits: the hack has a probability of 6 %

Caught = Bool[Tensor, "runs batch"]
Scores = Float[Tensor, "runs batch"]
Defense = Callable[[Caught], tuple[Scores, Scores]]


def undefended(caught: Caught) -> tuple[Scores, Scores]:
    """A hack has the reward 1."""
    return torch.ones(caught.shape), torch.ones(caught.shape)


def protected(caught: Caught) -> tuple[Scores, Scores]:
    """The tests cannot be edited: the attempt has the reward 0."""
    return torch.zeros(caught.shape), torch.ones(caught.shape)


def screened(caught: Caught) -> tuple[Scores, Scores]:
    """A hack that is caught is left out of the update; the others have the reward 1."""
    return torch.ones(caught.shape), (~caught).float()


def penalized(penalty: float) -> Defense:
    """A hack has the reward 1; one that is caught pays the penalty."""
    if penalty < 0:
        raise ValueError(f"{penalty=} would reward being caught")
    return lambda caught: (1 - penalty * caught.float(), torch.ones(caught.shape))


class Course(NamedTuple):
    """Expected rewards and the probability of the hack, before each update."""

    true: Float[Tensor, "updates runs"]
    hack: Float[Tensor, "updates runs"]


def train(
    defense: Defense,
    catch: Float[Tensor, " runs"],
    *,
    updates: int = 2000,
    batch: int = 32,
    rate: float = 1.5,
    seed: int = 0,
) -> Course:
    """REINFORCE with the batch mean as the baseline; one run for each catch rate.

    Raises
    ------
    ValueError
        If a catch rate is no probability, or a batch has fewer than two samples (their
        advantage would be 0).
    """
    if not ((catch >= 0) & (catch <= 1)).all():
        raise ValueError(f"catch rates {catch.tolist()} are not probabilities")
    if batch < 2:
        raise ValueError(f"{batch=}: a mean of one reward leaves no advantage")
    random = torch.Generator().manual_seed(seed)
    passes = torch.tensor([*HONEST, 0.0])
    logits = torch.tensor(START).repeat(len(catch), 1)
    true, hack = [], []
    for _ in range(updates):
        probability = logits.softmax(-1)
        true.append(probability @ passes)
        hack.append(probability[:, 2])
        choice = torch.multinomial(probability, batch, True, generator=random)
        done = torch.rand(choice.shape, generator=random) < passes[choice]
        caught = torch.rand(choice.shape, generator=random) < catch[:, None]
        score, count = defense(caught)
        hacked = choice == 2
        reward = torch.where(hacked, score, done.float())
        kept = torch.where(hacked, count, 1.0)
        total = kept.sum(1, keepdim=True).clamp(min=1)
        advantage = kept * (reward - (kept * reward).sum(1, keepdim=True) / total)
        chosen = torch.nn.functional.one_hot(choice, 3) - probability[:, None]
        logits = logits + rate * (advantage[..., None] * chosen).sum(1) / total
    return Course(torch.stack(true), torch.stack(hack))
