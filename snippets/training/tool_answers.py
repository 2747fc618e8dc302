"""What models of :mod:`snippets.training.tool_runs` write, and what it costs them.

Axes::

    models     trained side by side
    questions  products
    seq        tokens of a conversation
"""

from collections.abc import Sequence
from functools import partial

import regex
import torch
from jaxtyping import Float, Int
from torch import Tensor

from snippets.training.calculator import evaluate
from snippets.training.tool_loop import run
from snippets.training.tool_messages import END, END_CALL, Message, render
from snippets.training.tool_runs import (
    ADDED,
    KNOWN,
    POSITIONS,
    TOKENIZER,
    TOOLS,
    places,
)
from snippets.transformers.gpt import GPT

STOPS = (TOKENIZER.special[END], TOKENIZER.special[END_CALL])
INVENTED = r"<\|tool\|>(\d+)<\|end\|><\|assistant\|>\d+<\|end\|>"


@torch.no_grad()
def write(
    model: GPT,
    texts: list[list[int]],
    stops: tuple[int, ...] = STOPS,
    banned: tuple[int, ...] = (),
) -> list[list[int]]:
    """The most likely continuation of each text, until a token of ``stops``.

    Tokens of ``banned`` are never written. A text that fills all positions is cut off.
    """
    known = [*KNOWN, *ADDED]
    never = [0, *places(torch.tensor(banned, dtype=torch.int64)).tolist()]
    own = [places(torch.tensor(text)).tolist() for text in texts]
    active = [i for i, text in enumerate(own) if len(text) < POSITIONS]
    while active:
        longest = max(len(own[i]) for i in active)
        padded = [own[i] + [0] * (longest - len(own[i])) for i in active]
        last = [len(own[i]) - 1 for i in active]  # what is padded comes later
        logits = model(torch.tensor(padded))[range(len(active)), last]
        logits[:, never] = -torch.inf  # 0 is not a token
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


def prompts(questions: Sequence[str]) -> list[list[int]]:
    """Questions, each up to the token of the assistant."""
    texts = [render([Message("user", question)])[0] for question in questions]
    allowed = TOKENIZER.special
    return [TOKENIZER.encode(text + "<|assistant|>", allowed) for text in texts]


def right_answers(
    model: GPT, questions: Sequence[str], banned: tuple[int, ...] = ()
) -> float:
    """Share of questions that a model answers rightly when the calculator runs."""
    complete = partial(write, model, banned=banned)
    texts = run(complete, TOKENIZER, TOOLS, prompts(questions))
    ends = [f"<|assistant|>{evaluate(question)}{END}" for question in questions]
    found = [TOKENIZER.decode(t).endswith(e) for t, e in zip(texts, ends, strict=True)]
    return sum(found) / len(found)


def invented_results(model: GPT, questions: Sequence[str]) -> list[str | None]:
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
