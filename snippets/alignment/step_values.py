"""What an ideal critic would say in the step task, and a critic that can be trained.

Axes: those of ``step_policy.py``; a table of values has a row for each place of an
answer, and a column for each last token and the start.
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from snippets.alignment.step_policy import (
    LENGTH,
    START,
    VOCAB,
    checked,
    last_tokens,
)


def earned(tokens: Int[Tensor, "*runs N T"]) -> Float[Tensor, "*runs N T"]:
    """What each token adds to the reward of its answer.

    Examples
    --------
    >>> earned(torch.tensor([[6, 7, 0, 1, 2, 2]]))
    tensor([[0.0000, 0.2000, 0.2000, 0.2000, 0.2000, 0.0000]])
    """
    up = (tokens.diff(dim=-1) % VOCAB == 1).float() / (LENGTH - 1)
    return torch.cat((torch.zeros_like(up[..., :1]), up), -1)


def exact_values(logits: Float[Tensor, "*runs S V"]) -> Float[Tensor, "*runs T S"]:
    """Expected sum of what the remaining tokens earn, by place and last token.

    Examples
    --------
    >>> exact_values(torch.zeros(VOCAB + 1, VOCAB))[0, START]
    tensor(0.1250)
    """
    probs = checked(logits).softmax(-1)
    last = torch.arange(VOCAB)
    gain = torch.zeros_like(probs[..., 0])
    gain[..., :START] = probs[..., last, (last + 1) % VOCAB] / (LENGTH - 1)
    future, places = torch.zeros_like(probs[..., 0, :]), []
    for _ in range(LENGTH):
        value = gain + (probs @ future[..., None])[..., 0]
        places.append(value)
        future = value[..., :START]
    return torch.stack(places[::-1], -2)


def look_up(
    table: Float[Tensor, "*runs T S"], tokens: Int[Tensor, "*runs N T"]
) -> Float[Tensor, "*runs N T"]:
    """The value in a table before each token of given answers.

    Raises
    ------
    ValueError
        If the table has another number of places or columns.
    """
    if table.shape[-2:] != (LENGTH, VOCAB + 1):
        found = tuple(table.shape[-2:])
        raise ValueError(f"a table of {found}, not of {(LENGTH, VOCAB + 1)}")
    return table.transpose(-1, -2).gather(-2, last_tokens(tokens))
