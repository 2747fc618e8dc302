"""Generation: draw tokens one after the other, and notice when they run in a loop."""

from collections.abc import Callable, Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor

from snippets.language.sampling import probabilities


def draw(
    logits: Float[Tensor, "batch vocab"], generator: torch.Generator | None = None
) -> Int[Tensor, " batch"]:
    """Draw one token for each row."""
    return torch.multinomial(probabilities(logits), 1, generator=generator)[:, 0]


def generate(
    model: Callable[[Int[Tensor, "batch seq"]], Float[Tensor, "batch vocab"]],
    tokens: Int[Tensor, "batch prompt"],
    steps: int,
    choose: Callable[[Tensor, Tensor], Int[Tensor, " batch"]],
) -> Int[Tensor, "batch longer"]:
    """Append ``choose(logits, tokens)`` to the tokens, again and again."""
    for _ in range(steps):
        chosen = choose(model(tokens), tokens)
        tokens = torch.cat([tokens, chosen[:, None]], dim=1)
    return tokens


def ends_in_loop(tokens: Sequence[int], shortest: int = 2, times: int = 3) -> bool:
    """Whether the last tokens are one phrase, several times in a row.

    Examples
    --------
    >>> ends_in_loop([7, 1, 2, 1, 2, 1, 2]), ends_in_loop([1, 2, 1, 2, 1, 2, 7])
    (True, False)
    """
    if shortest < 1 or times < 2:
        raise ValueError(f"a phrase of {shortest} tokens, {times} times, is no loop")
    tail = list(tokens)
    return any(
        tail[-length * times :] == tail[-length:] * times
        for length in range(shortest, len(tail) // times + 1)
    )
