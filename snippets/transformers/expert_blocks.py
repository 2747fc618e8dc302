"""Expert blocks: the feed-forward layers of Mixtral and of DeepSeek-V3.

Jiang et al. (2024), Mixtral, https://arxiv.org/abs/2401.04088;
Dai et al. (2024), DeepSeekMoE, https://arxiv.org/abs/2401.06066 (shared experts);
DeepSeek-AI (2024), DeepSeek-V3, https://arxiv.org/abs/2412.19437

The names are those of transformers' ``MixtralSparseMoeBlock`` and ``DeepseekV3MoE``:
a router ``gate``, and ``experts`` with the stacked ``gate_up_proj`` and ``down_proj``.

Axes: ``tokens`` (of a batch, all sequences together), ``d_model``, ``top_k``.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import linear, silu

from snippets.transformers.mixture_of_experts import (
    Routing,
    route,
    route_with_bias,
    wide,
)


class Experts(nn.Module):
    """SwiGLU feed-forward networks of equal shape."""

    def __init__(self, *, experts: int, d_model: int, d_ff: int) -> None:
        super().__init__()
        up, down = (experts, 2 * d_ff, d_model), (experts, d_model, d_ff)
        self.gate_up_proj = nn.Parameter(torch.randn(up) / d_model**0.5)
        self.down_proj = nn.Parameter(torch.randn(down) / d_ff**0.5)

    def one(self, expert: int, x: Tensor) -> Tensor:
        """One expert, on the rows that it is given."""
        gate, up = linear(x, self.gate_up_proj[expert]).chunk(2, dim=-1)
        return linear(silu(gate) * up, self.down_proj[expert])

    def forward(
        self, x: Float[Tensor, "tokens d_model"], routing: Routing
    ) -> Float[Tensor, "tokens d_model"]:
        """The weighted sum of the experts that each token visits."""
        y = torch.zeros_like(x)
        for expert in routing.index.unique().tolist():
            token, place = (routing.index == expert).nonzero(as_tuple=True)
            weight = routing.weight[token, place, None]
            y.index_add_(0, token, (weight * self.one(expert, x[token])).to(y.dtype))
        return y


class SparseMoeBlock(nn.Module):
    """Mixtral: a router, and experts of which a token visits the best.

    Examples
    --------
    >>> block = SparseMoeBlock(experts=8, top_k=2, d_model=24, d_ff=40)
    >>> block(torch.randn(5, 24)).shape
    torch.Size([5, 24])
    """

    def __init__(self, *, experts: int, top_k: int, d_model: int, d_ff: int) -> None:
        super().__init__()
        self.top_k = top_k
        self.gate = nn.Linear(d_model, experts, bias=False)
        self.experts = Experts(experts=experts, d_model=d_model, d_ff=d_ff)

    def forward(
        self, x: Float[Tensor, "tokens d_model"]
    ) -> Float[Tensor, "tokens d_model"]:
        return self.experts(x, route(self.gate(x), self.top_k))


class DeepseekMoE(nn.Module):
    """DeepSeek-V3: many small experts chosen with a bias, and one that all visit.

    Examples
    --------
    >>> block = DeepseekMoE(experts=16, top_k=4, d_model=24, d_ff=10, shared_d_ff=10)
    >>> block(torch.randn(5, 24)).shape
    torch.Size([5, 24])
    """

    def __init__(
        self,
        *,
        experts: int,
        top_k: int,
        d_model: int,
        d_ff: int,
        shared_d_ff: int,
        groups: int = 1,
        kept_groups: int = 1,
        scale: float = 2.5,
    ) -> None:
        super().__init__()
        self.top_k, self.scale = top_k, scale
        self.groups, self.kept_groups = groups, kept_groups
        self.gate = nn.Linear(d_model, experts, bias=False)
        self.register_buffer("bias", torch.zeros(experts))  # no gradient reaches it
        self.experts = Experts(experts=experts, d_model=d_model, d_ff=d_ff)
        self.shared_experts = Experts(experts=1, d_model=d_model, d_ff=shared_d_ff)

    def forward(
        self, x: Float[Tensor, "tokens d_model"]
    ) -> Float[Tensor, "tokens d_model"]:
        routing = route_with_bias(
            linear(wide(x), wide(self.gate.weight)),
            self.bias,
            self.top_k,
            groups=self.groups,
            kept_groups=self.kept_groups,
            scale=self.scale,
        )
        return self.shared_experts.one(0, x) + self.experts(x, routing)
