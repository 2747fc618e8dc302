"""A task for policy gradients in which everything can be computed exactly.

An answer has ``LENGTH`` tokens of ``VOCAB``. Its reward is the share of its steps that
go up by one, modulo ``VOCAB``. The policy is a table: a row of logits for each last
token, and one for the start. So many runs can stand side by side in one tensor.

Axes::

    runs  policies, each with its own table
    S     rows of a table: VOCAB last tokens and the start
    V     tokens
    N     answers
    T     tokens of an answer
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from snippets.alignment.answer_table import kl_divergence

VOCAB = 8
LENGTH = 6
START = VOCAB


def sample(
    logits: Float[Tensor, "*runs S V"],
    count: int,
    generator: torch.Generator | None = None,
) -> Int[Tensor, "*runs N T"]:
    """``count`` answers of each policy.

    Examples
    --------
    >>> sample(torch.zeros(5, VOCAB + 1, VOCAB), 3).shape
    torch.Size([5, 3, 6])
    """
    probs = checked(logits).detach().softmax(-1).reshape(-1, VOCAB + 1, VOCAB)
    run = torch.arange(len(probs))[:, None]
    tokens = [torch.full((len(probs), count), START)]
    for _ in range(LENGTH):
        rows = probs[run, tokens[-1]].flatten(0, 1)
        drawn = torch.multinomial(rows, 1, generator=generator)
        tokens.append(drawn.view(-1, count))
    return torch.stack(tokens[1:], -1).view(*logits.shape[:-2], count, LENGTH)


def step_log_probs(
    logits: Float[Tensor, "*runs S V"], tokens: Int[Tensor, "*runs N T"]
) -> Float[Tensor, "*runs N T"]:
    """Log-probabilities of the tokens of given answers."""
    table = checked(logits).log_softmax(-1).flatten(-2)
    cells = (last_tokens(tokens) * VOCAB + tokens).flatten(-2)
    return table.gather(-1, cells).view(tokens.shape)


def last_tokens(tokens: Int[Tensor, "*runs N T"]) -> Int[Tensor, "*runs N T"]:
    """The row of a table for each token: the token before it, or the start.

    Examples
    --------
    >>> last_tokens(torch.tensor([[6, 7, 0, 1, 2, 2]]))
    tensor([[8, 6, 7, 0, 1, 2]])
    """
    return torch.cat((torch.full_like(tokens[..., :1], START), tokens[..., :-1]), -1)


def step_rewards(tokens: Int[Tensor, "*runs N T"]) -> Float[Tensor, "*runs N"]:
    """Share of steps from one token to the next that go up by one.

    Examples
    --------
    >>> step_rewards(torch.tensor([[6, 7, 0, 1, 2, 2]]))
    tensor([0.8000])
    """
    return (tokens.diff(dim=-1) % VOCAB == 1).float().mean(-1)


def expected_reward(logits: Float[Tensor, "*runs S V"]) -> Float[Tensor, "*runs"]:
    """Mean reward of each policy, exactly: no answer is drawn.

    Examples
    --------
    >>> expected_reward(torch.zeros(VOCAB + 1, VOCAB))
    tensor(0.1250)
    """
    probs = checked(logits).softmax(-1)
    last = torch.arange(VOCAB)
    up = probs[..., last, (last + 1) % VOCAB]
    visits = torch.stack(visited(probs), -2)[..., :-1, :]
    return (visits * up[..., None, :]).sum(-1).mean(-1)


def divergence(
    logits: Float[Tensor, "*runs S V"], reference: Float[Tensor, "*#runs S V"]
) -> Float[Tensor, "*runs"]:
    """KL divergence of the whole answers of a policy from those of a reference."""
    log_probs = checked(logits).log_softmax(-1)
    rows = kl_divergence(log_probs, checked(reference).log_softmax(-1))
    visits = torch.stack(visited(log_probs.exp()), -2)[..., :-1, :].sum(-2)
    return rows[..., START] + (visits * rows[..., :START]).sum(-1)


def penalized_optimum(beta: float) -> Float[Tensor, "S V"]:
    """Logits of the best policy if each nat away from the uniform one costs ``beta``.

    The reward is a sum over steps, so tilting the uniform policy leaves a table.

    Raises
    ------
    ValueError
        If ``beta`` is not positive.
    """
    if not beta > 0:
        raise ValueError(f"beta {beta} is not positive: there is no single optimum")
    logits, last = torch.zeros(VOCAB + 1, VOCAB), torch.arange(VOCAB)
    logits[last, (last + 1) % VOCAB] = 1 / (LENGTH - 1) / beta
    return logits


def visited(probs: Float[Tensor, "*runs S V"]) -> list[Float[Tensor, "*runs V"]]:
    """Distribution of the token at each place of an answer."""
    places = [probs[..., START, :]]
    for _ in range(LENGTH - 1):
        places.append((places[-1][..., None, :] @ probs[..., :START, :])[..., 0, :])
    return places


def checked(logits: Float[Tensor, "*runs S V"]) -> Float[Tensor, "*runs S V"]:
    """The logits, if they have a row for each token and the start."""
    if logits.shape[-2:] != (VOCAB + 1, VOCAB):
        found = tuple(logits.shape[-2:])
        raise ValueError(f"a table of {found}, not of {(VOCAB + 1, VOCAB)}")
    return logits
