"""Multi-head attention: several narrow heads attend side by side.

Vaswani et al. (2017), https://arxiv.org/abs/1706.03762, section 3.2.2.

Symbols of the paper::

    h                    heads
    d_k = d_v            head_dim
    W_i^Q, W_i^K, W_i^V  slices of the layers query, key and value, for head i
    W^O                  the layer out
    head_i               entry i of head_outputs

Axes::

    batch     independent sequences (any number of leading axes)
    seq       positions; ``q_len`` with a query, ``kv_len`` with a key and a value
    d_model   features of a position
    heads     attention heads; divides ``d_model``
    head_dim  features of one head: ``d_model / heads``
    d_out     features of the output; in a layer these are ``d_model``
"""

from jaxtyping import Bool, Float
from torch import Tensor, nn

from snippets.attention.self_attention import attention


def split_heads(
    x: Float[Tensor, "*batch seq d_model"], heads: int
) -> Float[Tensor, "*batch heads seq head_dim"]:
    """Give each head its own slice of the features.

    Raises
    ------
    ValueError
        If ``heads`` does not divide the features.

    Examples
    --------
    Two positions, two heads: head 0 has the first half of each position.

    >>> import torch
    >>> split_heads(torch.tensor([[0, 1, 2, 3.0], [4, 5, 6, 7]]), heads=2)[0]
    tensor([[0., 1.],
            [4., 5.]])
    """
    if heads < 1 or x.shape[-1] % heads:
        raise ValueError(f"{x.shape[-1]} features cannot be split into {heads} heads")
    return x.unflatten(-1, (heads, -1)).transpose(-3, -2)


def merge_heads(
    x: Float[Tensor, "*batch heads seq head_dim"],
) -> Float[Tensor, "*batch seq d_model"]:
    """Concatenate the features of the heads; the inverse of :func:`split_heads`."""
    return x.transpose(-3, -2).flatten(-2)


class MultiHeadAttention(nn.Module):
    """``heads`` attentions over ``d_model / heads`` features each, and a projection.

    Parameters
    ----------
    d_model
        Features of a position, at the input and at the output.

    Raises
    ------
    ValueError
        If ``heads`` does not divide ``d_model``.

    Examples
    --------
    The number of parameters does not depend on the number of heads:

    >>> for heads in (1, 4):
    ...     layer = MultiHeadAttention(d_model=8, heads=heads)
    ...     print(sum(weight.numel() for weight in layer.parameters()))
    256
    256
    """

    def __init__(self, *, d_model: int, heads: int) -> None:
        super().__init__()
        if heads < 1 or d_model % heads:
            raise ValueError(f"{d_model} features cannot be split into {heads} heads")
        self.heads = heads
        self.query = nn.Linear(d_model, d_model, bias=False)
        self.key = nn.Linear(d_model, d_model, bias=False)
        self.value = nn.Linear(d_model, d_model, bias=False)
        self.out = nn.Linear(d_model, d_model, bias=False)

    def head_outputs(
        self,
        x: Float[Tensor, "*batch q_len d_model"],
        source: Float[Tensor, "*batch kv_len d_model"] | None = None,
        allowed: Bool[Tensor, "*#batch q_len kv_len"] | None = None,
    ) -> Float[Tensor, "*batch heads q_len head_dim"]:
        """Output of each head, before the output projection."""
        source = x if source is None else source
        query = split_heads(self.query(x), self.heads)
        key = split_heads(self.key(source), self.heads)
        value = split_heads(self.value(source), self.heads)
        if allowed is not None:
            allowed = allowed.unsqueeze(-3)  # the same for all heads
        return attention(query, key, value, allowed)

    def forward(
        self,
        x: Float[Tensor, "*batch q_len d_model"],
        source: Float[Tensor, "*batch kv_len d_model"] | None = None,
        allowed: Bool[Tensor, "*#batch q_len kv_len"] | None = None,
    ) -> Float[Tensor, "*batch q_len d_model"]:
        """Attend from ``x`` to ``source``, or to ``x`` itself if none is given."""
        return self.out(merge_heads(self.head_outputs(x, source, allowed)))


def contributions(
    outputs: Float[Tensor, "*batch heads seq head_dim"],
    out_weight: Float[Tensor, "d_out d_model"],
) -> Float[Tensor, "*batch heads seq d_out"]:
    """The term that each head adds to the output of the layer.

    The sum over the heads is the output of the layer.
    """
    heads, _, head_dim = outputs.shape[-3:]
    # (heads, head_dim, d_out)
    blocks = out_weight.T.unflatten(0, (heads, head_dim))
    return outputs @ blocks
