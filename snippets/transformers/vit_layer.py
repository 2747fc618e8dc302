"""A layer of the vision transformer: a pre-norm transformer block with biases.

Dosovitskiy et al. (2021), https://arxiv.org/abs/2010.11929, equations 2 and 3:
multi-head attention without a mask, and an MLP. Each reads a normalized copy of the
tokens and adds its output to them. Parameters have the names of ``ViTLayer`` in
transformers 5.

Symbols of the paper -> names here::

    MSA  attention
    MLP  mlp
    LN   layernorm_before, layernorm_after
    D    d_model

Axes::

    batch    independent sequences (any number of leading axes)
    tokens   of a sequence
    d_model  features of a token
    d_ff     hidden features of the MLP
"""

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import gelu

from snippets.attention.multi_head_attention import merge_heads, split_heads
from snippets.attention.self_attention import attention


class Attention(nn.Module):
    """Multi-head attention of all tokens to all tokens, with biases."""

    def __init__(self, d_model: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.q_proj = nn.Linear(d_model, d_model)
        self.k_proj = nn.Linear(d_model, d_model)
        self.v_proj = nn.Linear(d_model, d_model)
        self.o_proj = nn.Linear(d_model, d_model)

    def forward(
        self, x: Float[Tensor, "*batch tokens d_model"]
    ) -> Float[Tensor, "*batch tokens d_model"]:
        parts = (self.q_proj, self.k_proj, self.v_proj)
        query, key, value = (split_heads(part(x), self.heads) for part in parts)
        return self.o_proj(merge_heads(attention(query, key, value)))


class MLP(nn.Module):
    """Two linear layers with a GELU in between."""

    def __init__(self, d_model: int, d_ff: int) -> None:
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(d_model, d_ff), nn.Linear(d_ff, d_model)

    def forward(
        self, x: Float[Tensor, "*batch tokens d_model"]
    ) -> Float[Tensor, "*batch tokens d_model"]:
        return self.fc2(gelu(self.fc1(x)))


class Layer(nn.Module):
    """A pre-norm transformer block."""

    def __init__(self, d_model: int, heads: int, d_ff: int, eps: float) -> None:
        super().__init__()
        self.layernorm_before = nn.LayerNorm(d_model, eps)
        self.attention = Attention(d_model, heads)
        self.layernorm_after = nn.LayerNorm(d_model, eps)
        self.mlp = MLP(d_model, d_ff)

    def forward(
        self, x: Float[Tensor, "*batch tokens d_model"]
    ) -> Float[Tensor, "*batch tokens d_model"]:
        x = x + self.attention(self.layernorm_before(x))
        return x + self.mlp(self.layernorm_after(x))
