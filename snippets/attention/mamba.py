"""Mamba: a state of fixed size, and tokens that decide what it keeps.

Gu and Dao (2023), https://arxiv.org/abs/2312.00752

Axes::

    batch     independent sequences
    seq       positions
    channels  features inside the mixer; each has a state of its own
    d_state   numbers in the state of one channel
    d_model   features of a token outside the mixer
"""

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import silu, softplus

States = Float[Tensor, "batch seq channels d_state"]
Step = tuple[Tensor | float, Tensor | float]  # decay and drive


def zero_order_hold(
    step: Float[Tensor, "*axes"], A: Float[Tensor, "*axes"]
) -> tuple[Float[Tensor, "*axes"], Float[Tensor, "*axes"]]:
    """Decay and gain of ``h' = A h + u`` over ``step``, while ``u`` is held.

    At a rate of zero the gain is ``step``, its limit.

    Examples
    --------
    At rate -1 for the time log 2, half of the state goes and half of ``u`` comes in:

    >>> zero_order_hold(torch.tensor(2.0).log(), torch.tensor(-1.0))
    (tensor(0.5000), tensor(0.5000))
    """
    still = A == 0
    gain = torch.expm1(step * A) / A.masked_fill(still, 1)
    return torch.exp(step * A), gain.where(~still, step)


def scan(decay: States, drive: States) -> States:
    """States of ``h[t] = decay[t] h[t - 1] + drive[t]``, one after the other.

    Examples
    --------
    >>> half, one = torch.full((1, 3, 1, 1), 0.5), torch.ones(1, 3, 1, 1)
    >>> scan(half, one).flatten()
    tensor([1.0000, 1.5000, 1.7500])
    """
    states = [drive[:, 0]]
    for t in range(1, drive.shape[1]):
        states.append(decay[:, t] * states[-1] + drive[:, t])
    return torch.stack(states, dim=1)


def combine(earlier: Step, later: Step) -> Step:
    """The one step ``h -> decay h + drive`` that does what two do, the earlier first.

    Examples
    --------
    >>> combine((0.5, 1.0), (0.25, 3.0))  # 0.25 (0.5 h + 1) + 3
    (0.125, 3.25)
    """
    (decay, drive), (later_decay, later_drive) = earlier, later
    return later_decay * decay, later_decay * drive + later_drive


def parallel_scan(decay: States, drive: States) -> States:
    """What :func:`scan` returns, in about ``2 log2(seq)`` rounds instead of ``seq``.

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
    seq = drive.shape[1]
    if not seq:
        raise ValueError(f"a scan needs a position: got {tuple(drive.shape)}")
    if seq == 1:
        return drive
    paired = seq // 2 * 2
    even = decay[:, :paired:2], drive[:, :paired:2]
    odd = decay[:, 1::2], drive[:, 1::2]
    after_odd = parallel_scan(*combine(even, odd))
    before = torch.ones(()), after_odd[:, : (seq - 1) // 2]
    _, after_even = combine(before, (decay[:, 2::2], drive[:, 2::2]))
    states = torch.empty_like(drive)
    states[:, :1] = drive[:, :1]
    states[:, 1::2], states[:, 2::2] = after_odd, after_even
    return states


def selective_scan(
    x: Float[Tensor, "batch seq channels"],
    step: Float[Tensor, "batch seq channels"],
    A: Float[Tensor, "channels d_state"],
    write: Float[Tensor, "batch seq d_state"],
    read: Float[Tensor, "batch seq d_state"],
    state: Float[Tensor, "batch channels d_state"],
) -> tuple[
    Float[Tensor, "batch seq channels"], Float[Tensor, "batch channels d_state"]
]:
    """What is read of the state at each position, and the state after the last.

    Parameters
    ----------
    step
        Time that passes at a position, positive: near zero the state stays as it is.
    A
        Negative: how fast each number of the state fades in unit time.
    """
    decay = torch.exp(step[..., None] * A)  # (batch, seq, channels, d_state)
    drive = (step * x)[..., None] * write[:, :, None]
    first = drive[:, :1] + decay[:, :1] * state[:, None]
    states = parallel_scan(decay, torch.cat([first, drive[:, 1:]], dim=1))
    return torch.einsum("btcn,btn->btc", states, read), states[:, -1]


class MambaMixer(nn.Module):
    """A selective scan between two projections, with a short convolution and a gate.

    Parameters
    ----------
    expand
        Channels for each feature of a token.
    width
        Positions that the convolution sees, the token's own included.

    Raises
    ------
    ValueError
        If ``d_state`` or ``width`` is not positive.

    Examples
    --------
    >>> mixer = MambaMixer(d_model=32, d_state=8)
    >>> mixer(torch.randn(2, 5, 32)).shape
    torch.Size([2, 5, 32])
    """

    def __init__(
        self, *, d_model: int, d_state: int = 16, expand: int = 2, width: int = 4
    ) -> None:
        super().__init__()
        if d_state < 1 or width < 1:
            raise ValueError(f"no state or no convolution: {d_state=}, {width=}")
        channels, self.rank = expand * d_model, math.ceil(d_model / 16)
        self.enter = nn.Linear(d_model, 2 * channels, bias=False)
        self.near = nn.Conv1d(channels, channels, width, groups=channels)
        self.choice = nn.Linear(channels, self.rank + 2 * d_state, bias=False)
        self.step = nn.Linear(self.rank, channels)
        self.A_log = nn.Parameter(
            torch.arange(1.0, d_state + 1).log().repeat(channels, 1)
        )
        self.skip = nn.Parameter(torch.ones(channels))
        self.leave = nn.Linear(channels, d_model, bias=False)
        first_steps = 10 ** torch.empty(channels).uniform_(-3, -1)
        # the inverse of softplus
        self.step.bias.data = first_steps + (-torch.expm1(-first_steps)).log()

    def choose(self, x: Float[Tensor, "batch seq channels"]) -> tuple:
        """Step, write and read vectors of each position."""
        d_state = self.A_log.shape[1]
        low, write, read = self.choice(x).split([self.rank, d_state, d_state], dim=-1)
        return softplus(self.step(low)), write, read

    def forward(
        self,
        x: Float[Tensor, "batch seq d_model"],
        memory: list[Tensor] | None = None,
    ) -> Float[Tensor, "batch seq d_model"]:
        """Mix ``x``; a ``memory`` (a list, empty at first) is read and replaced."""
        x, gate = self.enter(x).chunk(2, dim=-1)  # (batch, seq, channels)
        channels, _, width = self.near.weight.shape
        recent, state = memory or (
            x.new_zeros(len(x), width - 1, channels),
            x.new_zeros(len(x), *self.A_log.shape),
        )
        x = torch.cat([recent, x], dim=1)
        recent = x[:, x.shape[1] - width + 1 :]
        x = silu(self.near(x.transpose(1, 2)).transpose(1, 2))
        step, write, read = self.choose(x)
        A = -self.A_log.exp()
        y, state = selective_scan(x, step, A, write, read, state)
        if memory is not None:
            memory[:] = recent, state
        return self.leave((y + self.skip * x) * silu(gate))


class TimeInvariantMixer(MambaMixer):
    """The control: step, write and read are learned, but the same at each position."""

    def __init__(self, **sizes: int) -> None:
        super().__init__(**sizes)
        self.fixed = nn.Parameter(torch.randn(2, self.A_log.shape[1]))

    def choose(self, x: Float[Tensor, "batch seq channels"]) -> tuple:
        step = softplus(self.step.bias).expand_as(x)
        write, read = (vector.expand(*x.shape[:2], -1) for vector in self.fixed)
        return step, write, read
