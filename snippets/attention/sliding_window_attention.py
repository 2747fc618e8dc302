"""Sliding-window attention: a query sees the last ``window`` positions.

Beltagy et al. (2020), https://arxiv.org/abs/2004.05150, and
Jiang et al. (2023), https://arxiv.org/abs/2310.06825. The paper's W is our ``window``,
its rolling buffer cache our :class:`RollingCache`.

Axes::

    batch      independent sequences and heads (any number of leading axes)
    seq        positions; ``q_len`` of queries, ``kv_len`` of keys
    window     positions to which a query may attend, its own included
    head_dim   features of a query and of a key
    value_dim  features of a value
"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn.functional import pad

from snippets.attention.self_attention import attention, causal


def window_mask(
    q_len: int, kv_len: int, window: int
) -> Bool[Tensor, "{q_len} {kv_len}"]:
    """Where a query may attend: its own position and the ``window - 1`` before.

    As in :func:`causal`, the queries are the last of the positions.

    Raises
    ------
    ValueError
        If the window holds nothing, or there are more queries than positions.

    Examples
    --------
    >>> window_mask(3, 4, window=2).int()
    tensor([[1, 1, 0, 0],
            [0, 1, 1, 0],
            [0, 0, 1, 1]], dtype=torch.int32)
    """
    if window < 1:
        raise ValueError(f"a window of {window} positions holds nothing to read")
    return causal(q_len, kv_len).triu(kv_len - q_len - window + 1)


def sliding_window_attention(
    query: Float[Tensor, "*batch q_len head_dim"],
    key: Float[Tensor, "*batch kv_len head_dim"],
    value: Float[Tensor, "*batch kv_len value_dim"],
    *,
    window: int,
) -> Float[Tensor, "*batch q_len value_dim"]:
    """Attention under the mask: clear, and as expensive as without it.

    Examples
    --------
    With a window of one, each position reads itself:

    >>> x = torch.randn(3, 2)
    >>> torch.equal(sliding_window_attention(x, x, x, window=1), x)
    True
    """
    allowed = window_mask(query.shape[-2], key.shape[-2], window)
    return attention(query, key, value, allowed)


def blockwise(
    query: Float[Tensor, "*batch seq head_dim"],
    key: Float[Tensor, "*batch seq head_dim"],
    value: Float[Tensor, "*batch seq value_dim"],
    *,
    window: int,
) -> Float[Tensor, "*batch seq value_dim"]:
    """The same with ``2 * seq * window`` scores: a block sees itself and the last.

    Raises
    ------
    ValueError
        If the window holds nothing.
    """
    allowed = window_mask(window, 2 * window, window)
    seq = query.shape[-2]
    blocks = -(-seq // window)
    # (*batch, blocks, window, _)
    query, key, value = (
        pad(x, (0, 0, 0, blocks * window - seq)).unflatten(-2, (blocks, window))
        for x in (query, key, value)
    )
    # (*batch, blocks, 2 * window, _)
    key, value = (
        torch.cat([pad(x, (0, 0, 0, 0, 1, 0))[..., :-1, :, :], x], dim=-2)
        for x in (key, value)
    )
    allowed = allowed.repeat(blocks, 1, 1)
    allowed[:1, :, :window] = False  # before the first block there is nothing
    return attention(query, key, value, allowed).flatten(-3, -2)[..., :seq, :]


class RollingCache:
    """Keys and values of the last ``window`` positions: ``t`` in slot ``t % window``.

    Raises
    ------
    ValueError
        If the window holds nothing.

    Examples
    --------
    Position 3 overwrites position 0:

    >>> cache = RollingCache(window=3)
    >>> for position in (0.0, 1.0, 2.0, 3.0):
    ...     cache.write(torch.tensor([[position]]), torch.tensor([[position]]))
    >>> cache.key.flatten()
    tensor([3., 1., 2.])
    """

    def __init__(self, *, window: int) -> None:
        if window < 1:
            raise ValueError(f"a window of {window} positions holds nothing to read")
        self.window, self.seen = window, 0
        self.key = self.value = torch.empty(0)

    def write(
        self,
        key: Float[Tensor, "*batch new head_dim"],
        value: Float[Tensor, "*batch new value_dim"],
    ) -> None:
        """Store the next positions, over those that leave the window."""
        if not self.seen:
            self.key, self.value = (
                x.new_zeros(*x.shape[:-2], self.window, x.shape[-1])
                for x in (key, value)
            )
        positions = torch.arange(self.seen, self.seen + key.shape[-2])[-self.window :]
        slots = positions % self.window
        self.key[..., slots, :] = key[..., -self.window :, :]
        self.value[..., slots, :] = value[..., -self.window :, :]
        self.seen += key.shape[-2]

    def read(
        self, query: Float[Tensor, "*batch 1 head_dim"]
    ) -> Float[Tensor, "*batch 1 value_dim"]:
        """Attention of the newest position, in whatever order the slots lie.

        Raises
        ------
        ValueError
            If nothing is written yet, or there are several queries: the earlier ones
            would see keys that come after them.
        """
        if query.shape[-2] != 1:
            raise ValueError(f"one position can read at a time, not {query.shape[-2]}")
        if not self.seen:
            raise ValueError("nothing is written yet, so there is nothing to read")
        filled = min(self.seen, self.window)
        return attention(query, self.key[..., :filled, :], self.value[..., :filled, :])


def receptive_field(layers: int, window: int) -> int:
    """Positions on which an output of the last layer depends, itself included.

    Examples
    --------
    >>> receptive_field(layers=3, window=4)
    10
    """
    return layers * (window - 1) + 1
