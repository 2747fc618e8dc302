"""What models of :mod:`snippets.training.tool_runs` write, and what it costs them.

Axes::

    models     trained side by side
    questions  products
    seq        tokens of a conversation
"""

from functools import partial

import regex
import torch
from jaxtyping import Float, Int
from torch import Tensor

from snippets.training.tool_loop import run
from snippets.training.tool_runs import (
    ADDED,
    KNOWN,
    POSITIONS,
    QUESTIONS,
    TOKENIZER,
    TOOLS,
    conversation,
    places,
)
from snippets.training.tool_use_finetuning import END, END_CALL, render
from snippets.transformers.gpt import GPT

STOPS = (TOKENIZER.special[END], TOKENIZER.special[END_CALL])
INVENTED = r"<\|tool\|>(\d+)<\|end\|><\|assistant\|>\d+<\|end\|>"


@torch.no_grad()
def write(
    model: GPT, texts: list[list[int]], stops: tuple[int, ...] = STOPS
) -> list[list[int]]:
    """The most likely continuation of each text, until a token of ``stops``.

    A text that fills all positions is cut off.
    """
    known = [*KNOWN, *ADDED]
    own = [places(torch.tensor(text)).tolist() for text in texts]
    active = [i for i, text in enumerate(own) if len(text) < POSITIONS]
    while active:
        longest = max(len(own[i]) for i in active)
        padded = [own[i] + [0] * (longest - len(own[i])) for i in active]
        last = [len(own[i]) - 1 for i in active]  # what is padded comes later
        logits = model(torch.tensor(padded))[range(len(active)), last]
        logits[:, 0] = -torch.inf  # not a token
        for i, place in zip(active, logits.argmax(dim=-1).tolist(), strict=True):
            own[i].append(place)
        active = [
            i
            for i in active
            if known[own[i][-1]] not in stops and len(own[i]) < POSITIONS
        ]
    return [
        [known[place] for place in mine[len(text) :]]
        for mine, text in zip(own, texts, strict=True)
    ]


def prompts(questions: Int[Tensor, " questions"]) -> list[list[int]]:
    """Questions, given by their numbers, up to the token of the assistant."""
    texts = [render(conversation(QUESTIONS[i], calls=False)[:1])[0] for i in questions]
    allowed = TOKENIZER.special
    return [TOKENIZER.encode(text + "<|assistant|>", allowed) for text in texts]


def results(questions: Int[Tensor, " questions"]) -> list[str]:
    """The right answers."""
    return [conversation(QUESTIONS[i], calls=False)[-1].content for i in questions]


def right_answers(model: GPT, questions: Int[Tensor, " questions"]) -> float:
    """Share of questions that a model answers rightly when the calculator runs."""
    texts = run(partial(write, model), TOKENIZER, TOOLS, prompts(questions))
    ends = [f"<|assistant|>{result}{END}" for result in results(questions)]
    found = [TOKENIZER.decode(t).endswith(e) for t, e in zip(texts, ends, strict=True)]
    return sum(found) / len(found)


def invented_results(
    model: GPT, questions: Int[Tensor, " questions"]
) -> list[str | None]:
    """Results that a model writes itself, with an answer, when nothing stops it."""
    texts = [TOKENIZER.decode(t) for t in write(model, prompts(questions), stops=())]
    found = [regex.search(INVENTED, text) for text in texts]
    return [None if match is None else match[1] for match in found]


@torch.no_grad()
def token_losses(
    models: list[GPT], ids: Int[Tensor, "questions seq"]
) -> Float[Tensor, "models seq_1"]:
    """Mean -log p of each token but the first, for each model."""
    right = places(ids)
    scores = torch.stack([model(right)[:, :-1].log_softmax(dim=-1) for model in models])
    index = right[None, :, 1:, None].expand(len(models), -1, -1, 1)
    return -scores.gather(-1, index)[..., 0].mean(dim=1)
