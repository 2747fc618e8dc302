"""Small GPTs trained side by side on one source, with or without a fault.

Axes::

    models  trained side by side
    steps   updates
    marks   numbers of updates after which new texts are read
    batch   texts of one model in one update
    seq     tokens of a text
"""

from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.functional import cross_entropy

from snippets.training.markov_source import VOCAB, draw_source, next_tokens
from snippets.training.pretraining import cosine_with_warmup
from snippets.training.side_by_side import side_by_side
from snippets.transformers.gpt import GPT

SEQ, BATCH = 24, 12


class Setting(NamedTuple):
    """One way to train; the defaults have no fault."""

    lr: float = 0.02
    warmup: float = 0.1  # share of the updates
    std: float = 0.04  # of the initial weights
    shift: int = 1  # the logits of a position answer for the token this far on
    kept: int | None = None  # draw from this many texts; by default, all are new


class Runs(NamedTuple):
    """The loss that a loop would log, and the one that counts."""

    logged: Float[Tensor, "steps models"]  # of the batch, before the update
    held_out: Float[Tensor, "marks models"]  # next-token loss on new texts


def shifted_loss(
    logits: Float[Tensor, "models batch seq vocab"],
    ids: Int[Tensor, "models batch seq"],
    shift: int,
) -> Float[Tensor, " models"]:
    """Mean loss of each model if position t answers for token ``t + shift``.

    Only a shift of 1 is right: 0 asks for the token that was read.

    Raises
    ------
    ValueError
        If no label is left.
    """
    seq = ids.shape[-1]
    if not 0 <= shift < seq:
        raise ValueError(f"no labels for {shift=} in texts of {seq} tokens")
    scores, right = logits[:, :, : seq - shift], ids[:, :, shift:]
    loss = cross_entropy(
        scores.flatten(0, -2), right.flatten(), reduction="none"
    ).view_as(right)
    return loss.mean(dim=(1, 2))


def learning_rates(
    settings: list[Setting], steps: int
) -> Float[Tensor, "steps models"]:
    """Rate of each model before each update, along a cosine with warm-up."""
    rows = [
        [
            setting.lr
            * cosine_with_warmup(
                step,
                warmup_steps=round(setting.warmup * steps),
                total_steps=steps,
            )
            for setting in settings
        ]
        for step in range(steps)
    ]
    return torch.tensor(rows)


def held_out_texts() -> Int[Tensor, "texts seq"]:
    """Texts on which the held-out loss of all models is measured."""
    return draw_source(next_tokens(), 128, SEQ, torch.Generator().manual_seed(3000))


def compare(settings: list[Setting], steps: int, every: int) -> Runs:
    """Train a GPT of one block for each setting; read new texts ``every`` updates.

    Equal settings are runs with different weights and texts; seeds are positions in
    the list. AdamW, without clipping.
    """
    table, models, kept = next_tokens(), [], {}
    sizes = {"vocab": VOCAB, "n_positions": SEQ, "d_model": 32, "layers": 1, "heads": 1}
    for number, setting in enumerate(settings):
        torch.manual_seed(number)
        models.append(GPT(**sizes, std=setting.std))
        if setting.kept is not None:
            random = torch.Generator().manual_seed(1000 + number)
            kept[number] = draw_source(table, setting.kept, SEQ, random)
    parameters, apply = side_by_side(models)
    optimizer = torch.optim.AdamW(
        parameters.values(), 1.0, betas=(0.9, 0.99), weight_decay=0.1, fused=True
    )
    random = torch.Generator().manual_seed(2000)
    new = held_out_texts().expand(len(settings), -1, -1)
    groups = {
        shift: [n for n, s in enumerate(settings) if s.shift == shift]
        for shift in {setting.shift for setting in settings}
    }
    logged, held_out = [], []
    for step, rates in enumerate(learning_rates(settings, steps)):
        ids = draw_source(table, len(settings) * BATCH, SEQ, random)
        ids = ids.unflatten(0, (len(settings), BATCH))
        for number, texts in kept.items():
            ids[number] = texts[torch.randint(len(texts), (BATCH,), generator=random)]
        logits = apply(parameters, ids)
        loss = torch.zeros(len(settings))
        for shift, group in groups.items():
            loss[group] = shifted_loss(logits[group], ids[group], shift)
        optimizer.zero_grad()
        loss.sum().backward()  # each model has its own gradient
        if step % every == 0:
            held_out.append(read(apply, parameters, new))
        scaled_step(optimizer, list(parameters.values()), rates)
        logged.append(loss.detach())
    held_out.append(read(apply, parameters, new))
    return Runs(torch.stack(logged), torch.stack(held_out))


@torch.no_grad()
def read(apply, parameters, ids: Int[Tensor, "models batch seq"]) -> Tensor:
    """Next-token loss of each model."""
    return shifted_loss(apply(parameters, ids), ids, shift=1)


@torch.no_grad()
def scaled_step(
    optimizer: torch.optim.Optimizer,
    stacked: list[Tensor],
    rates: Float[Tensor, " models"],
) -> None:
    """An update with a rate for each model: AdamW's update is proportional to it."""
    before = [weight.clone() for weight in stacked]
    optimizer.step()
    for weight, old in zip(stacked, before, strict=True):
        rate = rates.view(-1, *[1] * (weight.ndim - 1))
        weight.copy_(old.lerp(weight, rate))
