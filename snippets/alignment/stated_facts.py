"""Answers that state facts, raters who compare them, and reward models that learn.

Raters follow the Bradley-Terry model with the rewards of ``rating``. A reward model
reads how often an answer makes each statement.

Axes::

    answers    answers, or one side of comparisons
    facts      statements that an answer can make
    runs       reward models, each with comparisons of its own
    sides      the chosen answer, and the rejected one
    pairs      comparisons of one run
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

from snippets.alignment.reward_models import reward_loss
from snippets.training.side_by_side import hand_back, side_by_side

# what raters find a statement worth: eight are helpful, two are wrong
WORTH = torch.tensor([1.5, 1.2, 1.0, 0.8, 0.6, 0.5, 0.4, 0.3, -0.5, -0.8])
REPEAT = 0.2  # what raters take off for each repetition
LONGEST = 6  # statements of an answer without repetitions
LOOP = 20  # repetitions in an answer that got stuck
WIDTH, BATCH, RATE = 32, 256, 3e-3

Answers = Float[Tensor, "*answers facts"]


def draw_answers(count: int, draw: torch.Generator, stuck: float = 0.0) -> Answers:
    """Answers with 1 to ``LONGEST`` different statements, drawn at random.

    The share ``stuck`` of the answers repeats one of its statements over and over.

    Raises
    ------
    ValueError
        If ``stuck`` is no share.
    """
    if not 0 <= stuck <= 1:
        raise ValueError(f"{stuck=} is not between 0 and 1")
    order = torch.rand(count, len(WORTH), generator=draw).argsort().argsort()
    length = torch.randint(1, LONGEST + 1, (count, 1), generator=draw)
    loops = torch.rand(count, 1, generator=draw) < stuck
    return (order < length) + LOOP * (loops & (order == 0)).float()


def rating(answers: Answers) -> Float[Tensor, "*answers"]:
    """What raters find an answer worth: a fact counts once, a repetition costs.

    Examples
    --------
    >>> answer = torch.zeros(10)
    >>> answer[0], answer[8] = 3, 1  # the best statement three times, and a wrong one
    >>> round(rating(answer).item(), 4)  # 1.5 - 0.5 - 2 * 0.2
    0.6
    """
    stated = answers.clamp(max=1)
    return stated @ WORTH - REPEAT * (answers - stated).sum(dim=-1)


def repeat(answers: Answers, times: Tensor | int, draw: torch.Generator) -> Answers:
    """The answers with one of their statements repeated so many times."""
    said = torch.multinomial((answers > 0).float(), 1, generator=draw)
    extra = torch.as_tensor(times).float().expand(len(answers))
    return answers.scatter_add(-1, said, extra[:, None])


def compare(
    first: Answers, second: Answers, draw: torch.Generator
) -> tuple[Float[Tensor, "sides answers facts"], Float[Tensor, " answers"]]:
    """The chosen and the rejected answers, and by how much raters felt the gap.

    A rater feels the gap of the ratings plus logistic noise, and chooses by its sign.
    So the first answer wins with probability sigmoid(gap of the ratings).
    """
    noise = torch.rand(len(first), generator=draw).logit(eps=1e-7)
    felt = rating(first) - rating(second) + noise
    won = (felt > 0)[:, None]
    sides = torch.where(won, first, second), torch.where(won, second, first)
    return torch.stack(sides), felt.abs()


def comparisons(
    pairs: int, padded: int, draw: torch.Generator
) -> tuple[Float[Tensor, "sides pairs facts"], Float[Tensor, " pairs"]]:
    """Chosen and rejected answers, and felt gaps.

    In the first ``padded`` of them, an answer meets a copy of itself with 1 to 10
    repetitions of one statement. In the others, two drawn answers meet.
    """
    first, second = draw_answers(pairs, draw), draw_answers(pairs, draw)
    times = torch.randint(1, 11, (padded,), generator=draw)
    if padded:
        second[:padded] = repeat(first[:padded], times, draw)
    return compare(first, second, draw)


class RewardModel(nn.Sequential):
    """A small network: how often each statement was made in, one reward out."""

    def __init__(self) -> None:
        hidden = nn.Linear(len(WORTH), WIDTH), nn.ReLU(), nn.Linear(WIDTH, WIDTH)
        super().__init__(*hidden, nn.ReLU(), nn.Linear(WIDTH, 1), nn.Flatten(-2))


def train(
    models: Sequence[nn.Module],
    comparisons: Float[Tensor, "runs sides pairs facts"],
    margins: Float[Tensor, "runs pairs"],
    updates: int,
    draw: torch.Generator,
) -> Float[Tensor, " updates"]:
    """Train the models side by side with AdamW; give their mean loss at each update.

    A run's batches are drawn from its own comparisons.
    """
    weights, apply = side_by_side(models)
    optimizer = torch.optim.AdamW(weights.values(), lr=RATE, weight_decay=0.01)
    decay = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, updates)
    runs, _, pairs, _ = comparisons.shape
    each, losses = torch.arange(runs)[:, None], []
    for _ in range(updates):
        batch = torch.randint(pairs, (runs, BATCH), generator=draw)
        sides = comparisons.transpose(1, 2)[each, batch].transpose(1, 2)
        rewards = apply(weights, sides.flatten(1, 2)).view(runs, 2, BATCH)
        chosen, rejected = rewards.unbind(dim=1)
        margin = margins[each, batch].flatten()
        loss = reward_loss(chosen.flatten(), rejected.flatten(), margin)
        optimizer.zero_grad()
        (runs * loss).backward()  # the sum of the runs' own means
        optimizer.step()
        decay.step()
        losses.append(loss.detach())
    hand_back(models, weights)
    return torch.stack(losses)


@torch.no_grad()
def rewards(models: Sequence[nn.Module], answers: Answers) -> Float[Tensor, "runs ..."]:
    """Reward of each answer by each model."""
    return torch.stack([model(answers) for model in models])
