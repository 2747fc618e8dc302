"""GPT-NeoX, the architecture of the Pythia models, as small as one likes.

Black et al. (2022), https://arxiv.org/abs/2204.06745; Biderman et al. (2023),
https://arxiv.org/abs/2304.01373. Names of parameters are those of
``GPTNeoXForCausalLM`` in transformers, so that either loads the other's weights.

Glossary::

    rotary_pct            rotary      share of each head's features that are rotated
    use_parallel_residual both of a layer's branches read the same residual stream
    query_key_value       rows in the order of heads: query, key, value of each

Axes::

    batch     texts
    seq       tokens of a text
    d_model   features of a token
    vocab     tokens that there are
"""

from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.functional import gelu, scaled_dot_product_attention

from snippets.positions.rope import angles, frequencies, rotate_halves


class Size(NamedTuple):
    """How large a model is; the defaults are those of this page."""

    vocab: int = 512
    d_model: int = 128
    layers: int = 4
    heads: int = 4
    d_ff: int = 496  # so that the weights, in 16 bits, take less than 1.7 MB
    rotary: float = 0.25
    tied: bool = True  # the output layer uses the rows of the embedding


class Attention(nn.Module):
    def __init__(self, size: Size):
        super().__init__()
        self.heads, self.head_dim = size.heads, size.d_model // size.heads
        self.rotated = int(self.head_dim * size.rotary)
        self.query_key_value = nn.Linear(size.d_model, 3 * size.d_model)
        self.dense = nn.Linear(size.d_model, size.d_model)

    def turn(self, x: Float[Tensor, "batch heads seq head_dim"]) -> Tensor:
        """Rotate the first features of each head by its position."""
        places = torch.arange(x.shape[-2])
        turns = angles(places, frequencies(self.rotated)).float()
        first, rest = x[..., : self.rotated], x[..., self.rotated :]
        return torch.cat([rotate_halves(first, turns), rest], dim=-1)

    def forward(
        self, x: Float[Tensor, "batch seq d_model"]
    ) -> Float[Tensor, "batch seq d_model"]:
        joint = self.query_key_value(x).unflatten(-1, (self.heads, 3 * self.head_dim))
        q, k, v = joint.transpose(1, 2).chunk(3, dim=-1)
        mixed = scaled_dot_product_attention(
            self.turn(q), self.turn(k), v, is_causal=True
        )
        return self.dense(mixed.transpose(1, 2).flatten(-2))


class MLP(nn.Module):
    def __init__(self, size: Size):
        super().__init__()
        self.dense_h_to_4h = nn.Linear(size.d_model, size.d_ff)
        self.dense_4h_to_h = nn.Linear(size.d_ff, size.d_model)

    def forward(
        self, x: Float[Tensor, "batch seq d_model"]
    ) -> Float[Tensor, "batch seq d_model"]:
        return self.dense_4h_to_h(gelu(self.dense_h_to_4h(x)))


class Layer(nn.Module):
    def __init__(self, size: Size):
        super().__init__()
        self.input_layernorm = nn.LayerNorm(size.d_model)
        self.post_attention_layernorm = nn.LayerNorm(size.d_model)
        self.attention, self.mlp = Attention(size), MLP(size)

    def forward(
        self, x: Float[Tensor, "batch seq d_model"]
    ) -> Float[Tensor, "batch seq d_model"]:
        attended = self.attention(self.input_layernorm(x))
        return x + attended + self.mlp(self.post_attention_layernorm(x))


class GPTNeoX(nn.Module):
    """A decoder; weights are drawn with a standard deviation of 0.02, biases are 0.

    Raises
    ------
    ValueError
        If the width is no multiple of the heads, or the rotated features are odd.

    Examples
    --------
    >>> sum(p.numel() for p in GPTNeoX(Size()).parameters())
    842432
    """

    def __init__(self, size: Size, seed: int = 0):
        super().__init__()
        if size.d_model % size.heads:
            raise ValueError(f"width {size.d_model} over {size.heads} heads")
        if (rotated := int(size.d_model // size.heads * size.rotary)) % 2:
            raise ValueError(f"{rotated} rotated features of a head cannot be paired")
        self.size = size
        self.gpt_neox = nn.ModuleDict(
            {
                "embed_in": nn.Embedding(size.vocab, size.d_model),
                "layers": nn.ModuleList(Layer(size) for _ in range(size.layers)),
                "final_layer_norm": nn.LayerNorm(size.d_model),
            }
        )
        self.embed_out = nn.Linear(size.d_model, size.vocab, bias=False)
        if size.tied:
            self.embed_out.weight = self.gpt_neox["embed_in"].weight
        draw = torch.Generator().manual_seed(seed)
        for parameter in self.parameters():
            if parameter.dim() > 1:
                nn.init.normal_(parameter, 0, 0.02, generator=draw)
        for module in self.modules():
            if isinstance(module, nn.Linear) and module.bias is not None:
                nn.init.zeros_(module.bias)

    def forward(
        self, ids: Int[Tensor, "batch seq"]
    ) -> Float[Tensor, "batch seq vocab"]:
        x = self.gpt_neox["embed_in"](ids)
        for layer in self.gpt_neox["layers"]:
            x = layer(x)
        return self.embed_out(self.gpt_neox["final_layer_norm"](x))
