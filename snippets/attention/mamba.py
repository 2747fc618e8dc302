"""Mamba: a state of fixed size whose update depends on the token.

Gu and Dao (2023), https://arxiv.org/abs/2312.00752; the parallel scan, Blelloch (1990)

Symbols::

    E, N            channels, d_state
    Delta           dt
    A, B, C, D      A, B, C, D
    h               state
    a, b            factor and added term of a recurrence h[t] = a[t] h[t-1] + b[t]

The parameters of :class:`MambaMixer` have the names of the official code.

Axes::

    batch     independent sequences
    seq       positions
    channels  features inside the mixer; each has a state of its own
    d_state   numbers in the state of one channel
    d_model   features of a token outside the mixer
    kept      positions that the convolution needs from before; ``d_conv - 1``
"""

import math
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import silu, softplus

States = Float[Tensor, "batch seq channels d_state"]
Map = tuple[Tensor | float, Tensor | float]  # (a, b) of h -> a h + b


def zero_order_hold(
    dt: Float[Tensor, "*axes"], A: Float[Tensor, "*axes"]
) -> tuple[Float[Tensor, "*axes"], Float[Tensor, "*axes"]]:
    """Factors of the state and of a constant ``u`` in ``h' = A h + u`` after ``dt``.

    Where ``A`` is zero, the second factor is ``dt``, its limit.

    Examples
    --------
    For A = -1 and dt = log 2, half of the state remains and half of ``u`` is added:

    >>> zero_order_hold(torch.tensor(2.0).log(), torch.tensor(-1.0))
    (tensor(0.5000), tensor(0.5000))
    """
    zero = A == 0
    gain = torch.expm1(dt * A) / A.masked_fill(zero, 1)
    return torch.exp(dt * A), gain.where(~zero, dt)


def scan(a: States, b: States) -> States:
    """States of ``h[t] = a[t] h[t - 1] + b[t]``, one after the other, from zero.

    Examples
    --------
    >>> half, one = torch.full((1, 3, 1, 1), 0.5), torch.ones(1, 3, 1, 1)
    >>> scan(half, one).flatten()
    tensor([1.0000, 1.5000, 1.7500])
    """
    states = [b[:, 0]]
    for t in range(1, b.shape[1]):
        states.append(a[:, t] * states[-1] + b[:, t])
    return torch.stack(states, dim=1)


def combine(earlier: Map, later: Map) -> Map:
    """Composition of two maps ``h -> a h + b``, of which ``earlier`` is applied first.

    Examples
    --------
    >>> combine((0.5, 1.0), (0.25, 3.0))  # 0.25 (0.5 h + 1) + 3
    (0.125, 3.25)
    """
    (a1, b1), (a2, b2) = earlier, later
    return a2 * a1, a2 * b1 + b2


def parallel_scan(a: States, b: States) -> States:
    """Result of :func:`scan`, in about ``2 log2(seq)`` rounds instead of ``seq``.

    Raises
    ------
    ValueError
        If there is no position.

    Examples
    --------
    >>> half, one = torch.full((1, 3, 1, 1), 0.5), torch.ones(1, 3, 1, 1)
    >>> parallel_scan(half, one).flatten()
    tensor([1.0000, 1.5000, 1.7500])
    """
    seq = b.shape[1]
    if not seq:
        raise ValueError(f"a scan needs a position: got {tuple(b.shape)}")
    if seq == 1:
        return b
    paired = seq // 2 * 2
    even, odd = (a[:, :paired:2], b[:, :paired:2]), (a[:, 1::2], b[:, 1::2])
    at_odd = parallel_scan(*combine(even, odd))
    # an even position is one step after the odd position before it
    before = torch.ones(()), at_odd[:, : (seq - 1) // 2]
    _, at_even = combine(before, (a[:, 2::2], b[:, 2::2]))
    states = torch.empty_like(b)
    states[:, :1] = b[:, :1]
    states[:, 1::2], states[:, 2::2] = at_odd, at_even
    return states


def discretize(
    x: Float[Tensor, "batch seq channels"],
    dt: Float[Tensor, "batch seq channels"],
    A: Float[Tensor, "channels d_state"],
    B: Float[Tensor, "batch seq d_state"],
) -> tuple[States, States]:
    """Factors ``exp(dt A)`` of the states, and terms ``dt B x`` to be added."""
    return torch.exp(dt[..., None] * A), (dt * x)[..., None] * B[:, :, None]


def selective_scan(
    x: Float[Tensor, "batch seq channels"],
    dt: Float[Tensor, "batch seq channels"],
    A: Float[Tensor, "channels d_state"],
    B: Float[Tensor, "batch seq d_state"],
    C: Float[Tensor, "batch seq d_state"],
    state: Float[Tensor, "batch channels d_state"],
) -> tuple[
    Float[Tensor, "batch seq channels"], Float[Tensor, "batch channels d_state"]
]:
    """Output at each position, and the state after the last one.

    Parameters
    ----------
    dt
        Positive step sizes. At a step of zero, the state does not change.
    A
        Negative decay rates, in inverse units of ``dt``.
    """
    a, b = discretize(x, dt, A, B)
    first = a[:, :1] * state[:, None] + b[:, :1]
    states = parallel_scan(a, torch.cat([first, b[:, 1:]], dim=1))
    return torch.einsum("btcn,btn->btc", states, C), states[:, -1]


class MambaCache(NamedTuple):
    """What a mixer needs from earlier tokens; its size is fixed."""

    conv_state: Float[Tensor, "batch kept channels"]
    ssm_state: Float[Tensor, "batch channels d_state"]


class MambaMixer(nn.Module):
    """A selective scan between two projections, with a short convolution and a gate.

    Parameters
    ----------
    expand
        Channels for each feature of a token.
    d_conv
        Positions that the convolution sees, the token's own included.

    Raises
    ------
    ValueError
        If ``d_state`` or ``d_conv`` is not positive.

    Examples
    --------
    >>> mixer = MambaMixer(d_model=32, d_state=8)
    >>> mixer(torch.randn(2, 5, 32)).shape
    torch.Size([2, 5, 32])
    """

    def __init__(
        self, *, d_model: int, d_state: int = 16, expand: int = 2, d_conv: int = 4
    ) -> None:
        super().__init__()
        if d_state < 1 or d_conv < 1:
            raise ValueError(f"no state or no convolution: {d_state=}, {d_conv=}")
        channels, self.dt_rank = expand * d_model, math.ceil(d_model / 16)
        self.in_proj = nn.Linear(d_model, 2 * channels, bias=False)
        self.conv1d = nn.Conv1d(channels, channels, d_conv, groups=channels)
        self.x_proj = nn.Linear(channels, self.dt_rank + 2 * d_state, bias=False)
        self.dt_proj = nn.Linear(self.dt_rank, channels)
        A = torch.arange(1.0, d_state + 1).repeat(channels, 1)
        self.A_log = nn.Parameter(A.log())
        self.D = nn.Parameter(torch.ones(channels))
        self.out_proj = nn.Linear(channels, d_model, bias=False)
        dt = 10 ** torch.empty(channels).uniform_(-3, -1)
        self.dt_proj.bias.data = dt + (-torch.expm1(-dt)).log()  # softplus gives dt

    def select(self, x: Float[Tensor, "batch seq channels"]) -> tuple:
        """``dt``, ``B``, and ``C`` of each position."""
        d_state = self.A_log.shape[1]
        dt, B, C = self.x_proj(x).split([self.dt_rank, d_state, d_state], dim=-1)
        return softplus(self.dt_proj(dt)), B, C

    def forward(
        self, x: Float[Tensor, "batch seq d_model"]
    ) -> Float[Tensor, "batch seq d_model"]:
        return self.extend(x)[0]

    def extend(
        self, x: Float[Tensor, "batch seq d_model"], cache: MambaCache | None = None
    ) -> tuple[Float[Tensor, "batch seq d_model"], MambaCache]:
        """Output for ``x`` after the tokens behind ``cache``, and the new cache.

        Raises
        ------
        ValueError
            If there is no position.
        """
        if not x.shape[1]:
            raise ValueError(f"a mixer needs a position: got {tuple(x.shape)}")
        x, z = self.in_proj(x).chunk(2, dim=-1)  # (batch, seq, channels)
        channels, _, d_conv = self.conv1d.weight.shape
        conv_state, state = cache or (
            x.new_zeros(len(x), d_conv - 1, channels),
            x.new_zeros(len(x), *self.A_log.shape),
        )
        x = torch.cat([conv_state, x], dim=1)
        conv_state = x[:, x.shape[1] - d_conv + 1 :]
        x = silu(self.conv1d(x.transpose(1, 2)).transpose(1, 2))
        dt, B, C = self.select(x)
        y, state = selective_scan(x, dt, -self.A_log.exp(), B, C, state)
        output = self.out_proj((y + self.D * x) * silu(z))
        return output, MambaCache(conv_state, state)
