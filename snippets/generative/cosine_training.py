"""Adam with a rate that falls to zero along half a cosine, for any loss."""

from collections.abc import Callable, Iterator

import torch
from jaxtyping import Float
from torch import Tensor, nn


def updates_of(
    model: nn.Module,
    loss: Callable[[], Float[Tensor, "*runs"]],
    updates: int,
    lr: float,
) -> Iterator[Float[Tensor, "*runs"]]:
    """Train in place; after each update, yield the loss that it was made for.

    If there is a loss for each of several runs, with weights of its own, then each run
    has its own gradient.
    """
    optimizer = torch.optim.Adam(model.parameters(), lr, fused=True)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, updates)
    for _ in range(updates):
        value = loss()
        optimizer.zero_grad()
        value.sum().backward()
        optimizer.step()
        schedule.step()
        yield value.detach()
