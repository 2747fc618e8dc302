"""AdamW: Adam with a decay of the weights that does not pass through the moments.

Loshchilov and Hutter (2019), Decoupled Weight Decay Regularization, algorithm 2,
https://arxiv.org/abs/1711.05101; the names are those of ``torch.optim.AdamW``.

Symbols::

    theta   weight       alpha * eta_t   lr, the learning rate of this update
    g_t     grad         beta_1, beta_2  betas
    m_t     exp_avg      epsilon         eps
    v_t     exp_avg_sq   lambda          weight_decay * alpha: PyTorch's decay
    t       step         is multiplied by the learning rate

Axes::

    shape   any; each number of a tensor has its own moments

Moments are kept in single precision, or in that of the weight if it is higher: in half
precision, the square of a gradient overflows, or becomes 0.
"""

from collections.abc import Iterable
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor


class Update(NamedTuple):
    """The weight and its moments after an update."""

    weight: Float[Tensor, "*shape"]
    exp_avg: Float[Tensor, "*shape"]
    exp_avg_sq: Float[Tensor, "*shape"]


def at_least_single(x: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """Half precision becomes single; other types stay."""
    return x.to(torch.promote_types(x.dtype, torch.float32))


def adamw_update(
    weight: Float[Tensor, "*shape"],
    grad: Float[Tensor, "*shape"],
    exp_avg: Float[Tensor, "*shape"],
    exp_avg_sq: Float[Tensor, "*shape"],
    step: int,
    *,
    lr: float,
    betas: tuple[float, float] = (0.9, 0.999),
    eps: float = 1e-8,
    weight_decay: float = 0.01,
) -> Update:
    """One update; ``step`` counts from 1.

    Raises
    ------
    ValueError
        If ``step`` is below 1: the bias correction would divide by 0.

    Examples
    --------
    The first update moves a weight by the learning rate, however large the gradient is.

    >>> weight, zero = torch.tensor([1.0, 1.0]), torch.zeros(2)
    >>> grad = torch.tensor([0.001, 1000.0])
    >>> adamw_update(weight, grad, zero, zero, 1, lr=0.1, weight_decay=0.0).weight
    tensor([0.9000, 0.9000])
    """
    if step < 1:
        raise ValueError(f"updates count from 1, got {step=}")
    beta_1, beta_2 = betas
    wide, grad = at_least_single(weight), at_least_single(grad)
    exp_avg = beta_1 * exp_avg + (1 - beta_1) * grad
    exp_avg_sq = beta_2 * exp_avg_sq + (1 - beta_2) * grad**2
    mean = exp_avg / (1 - beta_1**step)  # the moments begin at 0, hence too small
    square = exp_avg_sq / (1 - beta_2**step)
    wide = wide - lr * weight_decay * wide
    wide = wide - lr * mean / (square.sqrt() + eps)
    return Update(wide.to(weight.dtype), exp_avg, exp_avg_sq)


class AdamW(torch.optim.Optimizer):
    """The update for all parameters, as an optimizer of PyTorch.

    Its ``load_state_dict`` is that of PyTorch, which rounds the moments to the type of
    the weights: a run that is to be resumed exactly has weights in single precision.

    Parameters
    ----------
    params
        Parameters, or groups of them with settings of their own.

    Raises
    ------
    ValueError
        If a setting is out of its range.
    """

    def __init__(
        self,
        params: Iterable,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.01,
    ) -> None:
        scales = (lr, eps, weight_decay)
        if not all(s >= 0 for s in scales) or not all(0 <= b < 1 for b in betas):
            raise ValueError(f"no AdamW with {lr=}, {betas=}, {eps=}, {weight_decay=}")
        defaults = {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay}
        super().__init__(params, defaults)

    @torch.no_grad()
    def step(self) -> None:
        """Update each parameter that has a gradient."""
        names = ("lr", "betas", "eps", "weight_decay")
        for group in self.param_groups:
            settings = {name: group[name] for name in names}
            for weight in group["params"]:
                if weight.grad is None:
                    continue
                state = self.state[weight]
                if not state:
                    state["step"] = torch.tensor(0.0)
                    state["exp_avg"] = torch.zeros_like(at_least_single(weight))
                    state["exp_avg_sq"] = torch.zeros_like(state["exp_avg"])
                state["step"] += 1
                moments = state["exp_avg"], state["exp_avg_sq"]
                step = int(state["step"])
                new = adamw_update(weight, weight.grad, *moments, step, **settings)
                weight.copy_(new.weight)
                state["exp_avg"], state["exp_avg_sq"] = new.exp_avg, new.exp_avg_sq


def decay_groups(model: torch.nn.Module, weight_decay: float) -> list[dict]:
    """Two groups: matrices, which decay, and biases and norms, which do not.

    Examples
    --------
    >>> groups = decay_groups(torch.nn.Linear(3, 2), 0.1)
    >>> [([p.ndim for p in g["params"]], g["weight_decay"]) for g in groups]
    [([2], 0.1), ([1], 0.0)]
    """
    parameters = list(model.parameters())
    matrices = [p for p in parameters if p.ndim >= 2]
    vectors = [p for p in parameters if p.ndim < 2]
    return [
        {"params": matrices, "weight_decay": weight_decay},
        {"params": vectors, "weight_decay": 0.0},
    ]
