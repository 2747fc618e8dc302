"""Pretraining: batches, schedule, clipping, accumulation, checkpoints, and the loop.

Schedule: ``get_cosine_schedule_with_warmup`` of transformers; cosine: Loshchilov and
Hutter (2017), https://arxiv.org/abs/1608.03983. Clipping: Pascanu, Mikolov and Bengio
(2013), https://arxiv.org/abs/1211.5063, algorithm 1.

Symbols::

    eta_t      cosine_with_warmup     the schedule, a factor of the learning rate
    g-hat      grad                   the gradient
    threshold  max_norm

Axes::

    tokens   of the training text
    batch    texts of an update
    seq      tokens of a text
"""

import math
from collections.abc import Callable, Iterable, Iterator
from copy import deepcopy
from typing import Any, NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from snippets.training.adamw import at_least_single

IGNORED = -100  # the label of a token that is not predicted


def draw_texts(
    ids: Int[Tensor, " tokens"], batch: int, length: int, generator: torch.Generator
) -> Int[Tensor, "batch seq"]:
    """Texts of ``length`` tokens from places of a long text, each equally likely.

    Raises
    ------
    ValueError
        If ``batch`` is below 1, ``length`` below 2, or the long text is too short.

    Examples
    --------
    >>> draw_texts(torch.arange(9), 2, 4, torch.Generator().manual_seed(0))
    tensor([[2, 3, 4, 5],
            [3, 4, 5, 6]])
    """
    if batch < 1 or not 2 <= length <= len(ids):
        raise ValueError(f"no {batch=} of {length=} from {len(ids)} tokens")
    places = ids.unfold(0, length, 1)
    return places[torch.randint(len(places), (batch,), generator=generator)]


def cosine_with_warmup(
    step: int, *, warmup_steps: int, total_steps: int, final: float = 0.0
) -> float:
    """Factor of the learning rate before update ``step``, which counts from 0.

    It rises linearly from 0 to 1, then falls along half a cosine to ``final``.

    Raises
    ------
    ValueError
        If the steps are not 0 <= warmup_steps < total_steps, or ``step`` is negative.

    Examples
    --------
    >>> steps = {"warmup_steps": 2, "total_steps": 6}
    >>> [round(cosine_with_warmup(step, **steps), 3) for step in range(7)]
    [0.0, 0.5, 1.0, 0.854, 0.5, 0.146, 0.0]
    """
    if step < 0 or not 0 <= warmup_steps < total_steps:
        raise ValueError(f"no schedule for {step=}, {warmup_steps=}, {total_steps=}")
    if step < warmup_steps:
        return step / warmup_steps
    progress = min(1.0, (step - warmup_steps) / (total_steps - warmup_steps))
    return final + (1 - final) * (1 + math.cos(math.pi * progress)) / 2


@torch.no_grad()
def clip_gradients(parameters: Iterable[Tensor], max_norm: float) -> Float[Tensor, ""]:
    """Shrink all gradients by one factor if their norm is too large; return that norm.

    Raises
    ------
    ValueError
        If there is no gradient, ``max_norm`` is not above 0, or the norm is not finite.
    """
    grads = [p.grad for p in parameters if p.grad is not None]
    if not grads or not max_norm > 0:
        raise ValueError(f"nothing to clip: {len(grads)} gradients, {max_norm=}")
    wide = [at_least_single(grad) for grad in grads]
    norm = torch.stack([grad.norm() for grad in wide]).norm()
    if not norm.isfinite():
        raise ValueError(f"the norm of the gradient is {norm}")
    factor = (max_norm / (norm + 1e-6)).clamp(max=1)
    for grad, exact in zip(grads, wide, strict=True):
        grad.copy_(exact * factor)
    return norm


def label_loss(
    logits: Float[Tensor, "batch seq vocab"], labels: Int[Tensor, "batch seq"]
) -> Float[Tensor, ""]:
    """Sum of -log p(label) over the labels that are not ignored.

    The logits of position t - 1 answer for the label of position t.
    """
    logits = at_least_single(logits[:, :-1])
    right = labels[:, 1:].flatten().long()
    return cross_entropy(
        logits.flatten(0, 1), right, ignore_index=IGNORED, reduction="sum"
    )


def accumulate_gradients(
    model: nn.Module,
    ids: Int[Tensor, "batch seq"],
    labels: Int[Tensor, "batch seq"],
    micro_batch: int,
    *,
    autocast: bool = False,
) -> Float[Tensor, ""]:
    """Add the gradient of the mean loss per label, ``micro_batch`` texts at a time.

    Parameters
    ----------
    autocast
        Compute matrix products in bfloat16; the loss stays in single precision.

    Raises
    ------
    ValueError
        If ids and labels differ in shape, the batch has no label, or ``micro_batch``
        is below 1.
    """
    if ids.shape != labels.shape:
        raise ValueError(f"{tuple(ids.shape)} ids, {tuple(labels.shape)} labels")
    count = (labels[:, 1:] != IGNORED).sum()
    if count == 0 or micro_batch < 1:
        raise ValueError(f"{count} labels in the batch, {micro_batch=}")
    total = torch.zeros(())
    for part in range(0, len(ids), micro_batch):
        some = slice(part, part + micro_batch)
        with torch.autocast(ids.device.type, torch.bfloat16, enabled=autocast):
            logits = model(ids[some])
        loss = label_loss(logits, labels[some]) / count
        loss.backward()  # frees the activations of this part
        total = total + loss.detach()
    return total


class Record(NamedTuple):
    """What a training loop reports of an update."""

    step: int  # updates that are done
    loss: Tensor  # before the update
    norm: Tensor  # of the gradient, before clipping
    lr: float


def train(
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    draw: Callable[[], Int[Tensor, "batch seq"]],
    *,
    lr: float,
    warmup_steps: int,
    total_steps: int,
    start: int = 0,
    max_norm: float = 1.0,
    micro_batch: int | None = None,
    autocast: bool = False,
) -> Iterator[Record]:
    """Train in place; report each update.

    Parameters
    ----------
    draw
        Gives the texts of the next update.
    start
        Updates that were done before, by a run that is resumed.
    micro_batch
        Texts that are in memory together; by default all of a batch.
    autocast
        As in :func:`accumulate_gradients`.
    """
    for step in range(start, total_steps):
        factor = cosine_with_warmup(
            step, warmup_steps=warmup_steps, total_steps=total_steps
        )
        for group in optimizer.param_groups:
            group["lr"] = lr * factor
        ids = draw()
        optimizer.zero_grad()
        part = len(ids) if micro_batch is None else micro_batch
        loss = accumulate_gradients(model, ids, ids, part, autocast=autocast)
        norm = clip_gradients(model.parameters(), max_norm)
        optimizer.step()
        yield Record(step + 1, loss, norm, lr * factor)


def checkpoint(
    step: int,
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    generator: torch.Generator,
) -> dict[str, Any]:
    """A copy of all that decides how the run goes on.

    A model with dropout also depends on ``torch.get_rng_state``.
    """
    state = {
        "step": step,
        "model": model.state_dict(),
        "optimizer": optimizer.state_dict(),  # moments, and how many updates they saw
        "generator": generator.get_state(),  # which texts come next
    }
    return deepcopy(state)


def resume(
    saved: dict[str, Any],
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    generator: torch.Generator,
) -> int:
    """Put a checkpoint back in place; return the updates that were done."""
    model.load_state_dict(saved["model"])
    optimizer.load_state_dict(deepcopy(saved["optimizer"]))
    generator.set_state(saved["generator"])
    return saved["step"]
