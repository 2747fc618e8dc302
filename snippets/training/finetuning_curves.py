"""One run of fine-tuning, measured on the way, and how it is drawn."""

from typing import NamedTuple

import torch
from matplotlib.axes import Axes
from torch import Tensor

from snippets.training.browser_finetuning import (
    complete,
    exact_match,
    fine_tune,
    loss_on,
)
from snippets.training.country_facts import ASKED, Pair
from snippets.training.country_task import Task
from snippets.training.small_neox import GPTNeoX

STEPS, EVERY = 150, 50


PROSE = {  # the beginning of a sentence of prose, which the answer goes on with
    "city": "The time zone of {country} is named after",
    "country": "{city} is a city in",
    "currency": "In {country} people pay with the",
    "language": "In {country} most signs are in",
}
OTHER_WORDS = {  # questions that are never asked in training
    "city": "Which city gave its name to the time zone of {country}?",
    "country": "What is the country of {city}?",
    "currency": "With which currency do people pay in {country}?",
    "language": "What is the language of signs in {country}?",
}


class Curves(NamedTuple):
    loss: Tensor  # on the batch of each step, on answers alone without replay
    match: Tensor  # 1 for each held-out question that is right, every 50 steps
    prose: Tensor  # loss on new prose, every 25 steps


def measure(model: GPTNeoX, task: Task, *, replay: bool = False) -> Curves:
    """Fine-tune in place, with a batch of 16 rows a step."""
    rows, prose = task.rows("asked"), task.rows("prose")
    again = task.rows("replay") if replay else ()
    losses, matches, retained = [], [], []

    def look(step: int) -> None:
        if step % 25 == 0:
            with torch.no_grad():
                retained.append(loss_on(model, prose, task.end))
        if step % EVERY == 0:
            matches.append(exact_match(model, task.tokenizer, task.held_out))

    look(0)
    run = fine_tune(model, rows, end=task.end, steps=STEPS, replay=again)
    for step, loss in enumerate(run, 1):
        losses.append(loss)
        look(step)
    return Curves(*map(torch.stack, (losses, matches, retained)))


def filled(texts: dict[str, str], task: Task) -> list[Pair]:
    """One text for each held-out question, in the order of those questions."""
    return [
        Pair(kind, text.format(**fact._asdict()), getattr(fact, ASKED[kind][1]))
        for fact in task.other_countries
        for kind, text in texts.items()
    ]


def sentences_completed(model: GPTNeoX, task: Task) -> Tensor:
    """1 where the model ends a sentence of prose with the fact."""
    pairs = filled(PROSE, task)
    said = complete(model, task.tokenizer, [pair.question for pair in pairs])
    ends = [text.split(".")[0] for text in said]
    right = [end == pair.answer for end, pair in zip(ends, pairs, strict=True)]
    return torch.tensor(right, dtype=torch.float32)


def by_kind(task: Task, match: Tensor) -> dict[str, Tensor]:
    """The share of right answers to each kind of question."""
    kinds = [pair.kind for pair in task.held_out]
    return {
        kind: match[..., [i for i, k in enumerate(kinds) if k == kind]].mean(-1)
        for kind in ASKED
    }


def draw(axes: tuple[Axes, Axes, Axes], task: Task, curves: Curves) -> None:
    """Loss by step, held-out exact match by step, and loss on new prose by step."""
    left, middle, right = axes
    left.semilogy(range(1, STEPS + 1), curves.loss, linewidth=0.8)
    left.set(ylabel="loss, nats per label", ylim=(1e-3, 10))
    steps = range(0, STEPS + 1, EVERY)
    for i, (kind, share) in enumerate(by_kind(task, curves.match).items()):
        middle.plot(steps, share, f"C{i}" + "os^D"[i] + "-", markersize=4, label=kind)
    middle.plot(steps, curves.match.mean(1), "k--", label="all")
    middle.set(ylabel="held-out exact match", ylim=(-0.03, 1.03))
    right.plot(range(0, STEPS + 1, 25), curves.prose, "C4.-")
    right.set(ylabel="loss on new prose, nats")
    for axis in axes:
        axis.set_xlabel("steps")
