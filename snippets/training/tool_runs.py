"""Small GPTs that answer products, trained side by side, without a tool and with one.

Each question is a product of two numbers from 32 to 99. The result has four digits, so
conversations of one kind have the same length. To be small, the models know only the
tokens that occur, and the fixed parts of a call's JSON are one token each.

Axes::

    models     trained side by side
    questions  products
    batch      conversations of one model in one update
    seq        tokens of a conversation
    steps      updates
"""

import json
from copy import deepcopy
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from snippets.language.byte_pair_encoding import Tokenizer
from snippets.language.token_embeddings import grow
from snippets.training.calculator import evaluate
from snippets.training.pretraining import IGNORED, cosine_with_warmup
from snippets.training.side_by_side import hand_back, mean_losses, side_by_side
from snippets.training.tool_loop import Tool
from snippets.training.tool_messages import CHAT, NEW, SPECIAL, Call, Message, render
from snippets.training.tool_use_finetuning import encode_with_offsets, mask_labels
from snippets.transformers.gpt import GPT

TOOLS = {"calculator": Tool(evaluate, {"expression": str})}
NUMBERS, POSITIONS = range(32, 100), 40
QUESTIONS = [f"{a}*{b}" for a in NUMBERS for b in NUMBERS]
PARTS = json.dumps(Call("calculator", {"expression": "?"})._asdict()).split("?")
TOKENIZER = Tokenizer([], [*SPECIAL, *PARTS])

# What the models know, in the order of their ids. Any other token has the id 0.
KNOWN = [-1, *TOKENIZER.encode("0123456789*" + "".join(CHAT), allowed=CHAT)]
ADDED = [TOKENIZER.special[token] for token in (*NEW, *PARTS)]
PLACE = {token: place for place, token in enumerate([*KNOWN, *ADDED])}


def conversation(question: str, *, calls: bool) -> list[Message]:
    """A question and its answer, with a call of the calculator or without."""
    result = str(evaluate(question))
    asked, answered = Message("user", question), Message("assistant", result)
    if not calls:
        return [asked, answered]
    call = Call("calculator", {"expression": question})
    return [asked, Message("assistant", "", call), Message("tool", result), answered]


class Conversations(NamedTuple):
    """The conversations of all questions; the ids are those of the tokenizer."""

    ids: Int[Tensor, "questions seq"]
    labels: Int[Tensor, "questions seq"]  # of what the assistant wrote


def conversations(*, calls: bool) -> Conversations:
    """All questions, with their answers."""
    rows = []
    for question in QUESTIONS:
        text, spans = render(conversation(question, calls=calls))
        ids, offsets = encode_with_offsets(TOKENIZER, text)
        rows.append((ids, mask_labels(ids, offsets, spans)))
    return Conversations(*map(torch.tensor, zip(*rows, strict=True)))


def split(held_out: int, seed: int = 1) -> tuple[Tensor, Tensor]:
    """Numbers of the questions to learn from, and of those that are held out."""
    order = torch.randperm(
        len(QUESTIONS), generator=torch.Generator().manual_seed(seed)
    )
    return order[held_out:], order[:held_out]


def places(ids: Int[Tensor, "*batch seq"]) -> Int[Tensor, "*batch seq"]:
    """The models' ids of tokens; IGNORED stays."""
    table = torch.zeros(len(TOKENIZER.tokens) + len(TOKENIZER.special), dtype=int)
    for token, place in PLACE.items():
        if place:
            table[token] = place
    return ids.where(ids == IGNORED, table[ids.clamp(min=0)])


def chat_model(seed: int) -> GPT:
    """A model of one block that knows no tokens of tools, with random weights."""
    torch.manual_seed(seed)
    sizes = {"vocab": len(KNOWN), "n_positions": POSITIONS, "d_model": 32}
    return GPT(**sizes, layers=1, heads=4, std=32**-0.5)


def with_new_tokens(model: GPT, new: int) -> GPT:
    """A copy that knows ``new`` more tokens; each new row is the mean of the old.

    Raises
    ------
    ValueError
        If ``new`` is below 1.
    """
    if new < 1:
        raise ValueError(f"no tokens to add: {new=}")
    wider = deepcopy(model)
    wider.wte = nn.Embedding.from_pretrained(
        grow(model.wte.weight.detach(), new), freeze=False
    )
    wider.lm_head = nn.Linear(*wider.wte.weight.T.shape, bias=False)
    wider.lm_head.weight = wider.wte.weight  # tied again
    return wider


def train_abreast(
    models: list[GPT],
    ids: Int[Tensor, "questions seq"],
    labels: list[Int[Tensor, "questions seq"]],
    learn: Int[Tensor, " learn"],
    steps: int,
    *,
    batch: int = 16,
    lr: float = 0.02,
) -> Float[Tensor, "steps models"]:
    """Train models in place, each on its labels; their losses before each update.

    AdamW; the rate rises for a tenth of the steps, then falls along half a cosine.

    Raises
    ------
    ValueError
        If a conversation has no label, or there are no models.
    """
    if not models or len(models) != len(labels):
        raise ValueError(f"{len(models)} models, {len(labels)} tables of labels")
    for table in labels:
        empty = (table[:, 1:] == IGNORED).all(dim=1).sum().item()
        if empty:
            raise ValueError(f"{empty} of {len(table)} conversations have no label")
    weights, apply = side_by_side(models)
    optimizer = torch.optim.AdamW(
        weights.values(), lr, betas=(0.9, 0.99), weight_decay=0.01, fused=True
    )
    random = torch.Generator().manual_seed(1000)
    ids, tables = places(ids), [places(table) for table in labels]
    losses = []
    for step in range(steps):
        factor = cosine_with_warmup(step, warmup_steps=steps // 10, total_steps=steps)
        optimizer.param_groups[0]["lr"] = lr * factor
        rows = learn[torch.randint(len(learn), (len(models), batch), generator=random)]
        right = torch.stack([t[row] for t, row in zip(tables, rows, strict=True)])
        loss = mean_losses(apply(weights, ids[rows][:, :, :-1]), right)
        optimizer.zero_grad()
        loss.sum().backward()  # each model has its own gradient
        optimizer.step()
        losses.append(loss.detach())
    hand_back(models, weights)
    return torch.stack(losses)
