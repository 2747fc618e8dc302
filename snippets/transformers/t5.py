"""T5: an encoder reads one text, a decoder writes another.

Raffel et al. (2020), https://arxiv.org/abs/1910.10683, with the names of
``transformers.T5ForConditionalGeneration``.

Symbols::

    d       d_model
    E       shared, the table of token embeddings
    B       bias_table of a stack; its rows become the bias of a score
    q k v o wi wo   matrices without bias; v1.1 has wi_0 and wi_1 for wi

Axes::

    batch    independent pairs of texts
    seq      positions of a text; q_len with a query, kv_len with a key and a value
    input    positions of the text that the encoder reads
    target   positions of the text that the decoder writes
    d_model  features of a position
    d_ff     features inside a feed-forward layer
    heads    attention heads of head_dim features each
    vocab    tokens
"""

import math

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn.functional import gelu, relu

from snippets.attention.multi_head_attention import merge_heads, split_heads
from snippets.positions.relative_positions import t5_bias


class T5Attention(nn.Module):
    """Multi-head attention without biases and without a division by sqrt(head_dim)."""

    def __init__(self, d_model: int, heads: int, head_dim: int) -> None:
        super().__init__()
        self.heads = heads
        self.q = nn.Linear(d_model, heads * head_dim, bias=False)
        self.k = nn.Linear(d_model, heads * head_dim, bias=False)
        self.v = nn.Linear(d_model, heads * head_dim, bias=False)
        self.o = nn.Linear(heads * head_dim, d_model, bias=False)

    def weights(
        self,
        x: Float[Tensor, "batch q_len d_model"],
        source: Float[Tensor, "batch kv_len d_model"],
        bias: Float[Tensor, "#batch #heads #q_len kv_len"],
    ) -> Float[Tensor, "batch heads q_len kv_len"]:
        """How much each position of ``x`` takes from each position of ``source``."""
        query = split_heads(self.q(x), self.heads)
        key = split_heads(self.k(source), self.heads)
        return (query @ key.mT + bias).softmax(dim=-1)

    def forward(
        self,
        x: Float[Tensor, "batch q_len d_model"],
        source: Float[Tensor, "batch kv_len d_model"],
        bias: Float[Tensor, "#batch #heads #q_len kv_len"],
    ) -> Float[Tensor, "batch q_len d_model"]:
        """Attend from ``x`` to ``source``; ``bias`` is -inf where that is forbidden."""
        value = split_heads(self.v(source), self.heads)
        return self.o(merge_heads(self.weights(x, source, bias) @ value))


class FeedForward(nn.Module):
    """A layer with ReLU, or if ``gated`` with the gated GELU of version 1.1."""

    def __init__(self, d_model: int, d_ff: int, *, gated: bool) -> None:
        super().__init__()
        self.gated = gated
        for name in ("wi_0", "wi_1") if gated else ("wi",):
            setattr(self, name, nn.Linear(d_model, d_ff, bias=False))
        self.wo = nn.Linear(d_ff, d_model, bias=False)

    def forward(
        self, x: Float[Tensor, "batch seq d_model"]
    ) -> Float[Tensor, "batch seq d_model"]:
        """Apply the layer to each position by itself."""
        if self.gated:
            return self.wo(gelu(self.wi_0(x), approximate="tanh") * self.wi_1(x))
        return self.wo(relu(self.wi(x)))


class Block(nn.Module):
    """Self-attention, cross-attention in a decoder, and a feed-forward layer.

    Each layer reads the normalized stream and adds its output to the stream.
    ``nn.RMSNorm`` divides by the root mean square: no mean, no bias.
    """

    def __init__(
        self,
        d_model: int,
        heads: int,
        head_dim: int,
        d_ff: int,
        *,
        gated: bool,
        decoder: bool,
    ) -> None:
        super().__init__()
        self.norm = nn.RMSNorm(d_model, eps=1e-6)
        self.attention = T5Attention(d_model, heads, head_dim)
        if decoder:
            self.cross_norm = nn.RMSNorm(d_model, eps=1e-6)
            self.cross_attention = T5Attention(d_model, heads, head_dim)
        self.feed_forward_norm = nn.RMSNorm(d_model, eps=1e-6)
        self.feed_forward = FeedForward(d_model, d_ff, gated=gated)

    def forward(
        self,
        x: Float[Tensor, "batch seq d_model"],
        bias: Float[Tensor, "#batch heads seq seq"],
        memory: Float[Tensor, "batch input d_model"] | None = None,
        memory_bias: Float[Tensor, "#batch 1 1 input"] | None = None,
    ) -> Float[Tensor, "batch seq d_model"]:
        """One block; ``memory`` is what the encoder made of the input."""
        normed = self.norm(x)
        x = x + self.attention(normed, normed, bias)
        if memory is not None:
            x = x + self.cross_attention(self.cross_norm(x), memory, memory_bias)
        return x + self.feed_forward(self.feed_forward_norm(x))


class Stack(nn.Module):
    """Blocks that share one table of relative position biases, and a last norm."""

    def __init__(self, layers: int, buckets: int, decoder: bool, **sizes) -> None:
        super().__init__()
        self.decoder = decoder
        self.bias_table = nn.Parameter(torch.zeros(buckets, sizes["heads"]))
        self.blocks = nn.ModuleList(
            Block(decoder=decoder, **sizes) for _ in range(layers)
        )
        self.norm = nn.RMSNorm(sizes["d_model"], eps=1e-6)

    def forward(
        self,
        x: Float[Tensor, "batch seq d_model"],
        allowed: Bool[Tensor, "batch seq"] | None = None,
        memory: Float[Tensor, "batch input d_model"] | None = None,
        memory_allowed: Bool[Tensor, "batch input"] | None = None,
    ) -> Float[Tensor, "batch seq d_model"]:
        """Apply all blocks; the same bias goes to each of them."""
        seq = x.shape[-2]
        bias = t5_bias(self.bias_table, seq, seq, causal=self.decoder)[None]
        memory_bias = None
        if self.decoder:
            future = torch.ones(seq, seq, dtype=torch.bool, device=x.device).triu(1)
            bias = bias.masked_fill(future, -math.inf)
            memory_bias = x.new_zeros(1, 1, 1, memory.shape[-2])  # no positions
            memory_bias = hide(memory_bias, memory_allowed)
        bias = hide(bias, allowed)
        for block in self.blocks:
            x = block(x, bias, memory, memory_bias)
        return self.norm(x)


class T5(nn.Module):
    """Encoder and decoder with one table of embeddings for both.

    Parameters
    ----------
    tied
        Compute the logits with the table of embeddings, and scale them by
        ``d_model ** -0.5``. Otherwise they have a matrix of their own, ``lm_head``.
    gated
        Feed-forward layers of version 1.1.

    Raises
    ------
    ValueError
        If a size is not positive.
    """

    def __init__(
        self,
        *,
        vocab: int,
        d_model: int,
        heads: int,
        head_dim: int,
        d_ff: int,
        layers: int,
        buckets: int = 32,
        tied: bool = True,
        gated: bool = False,
    ) -> None:
        super().__init__()
        sizes = {"d_model": d_model, "heads": heads, "head_dim": head_dim, "d_ff": d_ff}
        for name, size in {"vocab": vocab, "layers": layers, **sizes}.items():
            if size < 1:
                raise ValueError(f"{name}={size} is not positive")
        self.shared = nn.Embedding(vocab, d_model)
        self.encoder = Stack(layers, buckets, decoder=False, gated=gated, **sizes)
        self.decoder = Stack(layers, buckets, decoder=True, gated=gated, **sizes)
        self.lm_head = None if tied else nn.Linear(d_model, vocab, bias=False)

    def encode(
        self,
        tokens: Int[Tensor, "batch input"],
        allowed: Bool[Tensor, "batch input"] | None = None,
    ) -> Float[Tensor, "batch input d_model"]:
        """Read a text; each position sees all others that are ``allowed``."""
        return self.encoder(self.shared(tokens), allowed)

    def decode(
        self,
        tokens: Int[Tensor, "batch target"],
        memory: Float[Tensor, "batch input d_model"],
        allowed: Bool[Tensor, "batch input"] | None = None,
    ) -> Float[Tensor, "batch target vocab"]:
        """Logits of the token after each of ``tokens``, given the encoder's output."""
        x = self.decoder(self.shared(tokens), None, memory, allowed)
        if self.lm_head is not None:
            return self.lm_head(x)
        return x * x.shape[-1] ** -0.5 @ self.shared.weight.T

    def forward(
        self,
        tokens: Int[Tensor, "batch input"],
        targets: Int[Tensor, "batch target"],
        allowed: Bool[Tensor, "batch input"] | None = None,
    ) -> Float[Tensor, "batch target vocab"]:
        """Logits of each target, given the input and the targets before it."""
        return self.decode(shift_right(targets), self.encode(tokens, allowed), allowed)


def hide(
    bias: Float[Tensor, "1 any_heads any_q kv_len"],
    allowed: Bool[Tensor, "batch kv_len"] | None,
) -> Float[Tensor, "#batch any_heads any_q kv_len"]:
    """Set the bias of keys that are not ``allowed``, such as padding, to -inf.

    Raises
    ------
    ValueError
        If a text has no allowed token.
    """
    if allowed is None:
        return bias
    if not allowed.any(dim=-1).all():
        empty = (~allowed.any(dim=-1)).nonzero().flatten().tolist()
        raise ValueError(f"every token is hidden in texts {empty}")
    return bias.masked_fill(~allowed[:, None, None], -math.inf)


def shift_right(
    targets: Int[Tensor, "batch target"], start: int = 0
) -> Int[Tensor, "batch target"]:
    """What the decoder reads: the start token, then all targets but the last.

    Examples
    --------
    >>> shift_right(torch.tensor([[7, 8, 1]]))
    tensor([[0, 7, 8]])
    """
    return torch.cat([torch.full_like(targets[:, :1], start), targets[:, :-1]], dim=1)


@torch.no_grad()
def initialize(model: T5) -> T5:
    """Draw all weights as T5 does; ``q`` holds the factor ``head_dim ** -0.5``."""
    for name, weight in model.named_parameters():
        kind = name.split(".")[-2] if "." in name else name
        fan_in = weight.shape[-1]
        if weight.ndim == 1:
            nn.init.ones_(weight)
        elif kind in ("shared", "lm_head"):
            nn.init.normal_(weight)
        elif name.endswith("bias_table"):
            nn.init.normal_(weight, std=model.shared.weight.shape[1] ** -0.5)
        elif kind == "q":
            heads = model.encoder.bias_table.shape[1]
            nn.init.normal_(weight, std=(fan_in * len(weight) / heads) ** -0.5)
        else:
            nn.init.normal_(weight, std=fan_in**-0.5)
    return model


@torch.no_grad()
def greedy(
    model: T5,
    tokens: Int[Tensor, "batch input"],
    steps: int,
    *,
    allowed: Bool[Tensor, "batch input"] | None = None,
    end: int = 1,
) -> Int[Tensor, "batch steps"]:
    """Write ``steps`` tokens, the most likely one each time; 0 after ``end``.

    Raises
    ------
    ValueError
        If ``steps`` is not positive.
    """
    if steps < 1:
        raise ValueError(f"{steps=} is not positive")
    memory = model.encode(tokens, allowed)
    written = tokens.new_zeros(len(tokens), 1)  # the start token
    done = torch.zeros(len(tokens), dtype=torch.bool, device=tokens.device)
    for _ in range(steps):
        token = model.decode(written, memory, allowed)[:, -1].argmax(dim=-1)
        written = torch.cat([written, token.masked_fill(done, 0)[:, None]], dim=1)
        done = done | (token == end)
    return written[:, 1:]


def multiplications(
    read: float,
    written: float,
    *,
    vocab: int,
    d_model: int,
    heads: int,
    head_dim: int,
    d_ff: int,
    layers: int,
) -> float:
    """Count multiplications of a forward pass with feed-forward layers of ReLU.

    The masked half of the decoder's scores counts too, because the code computes it.

    Parameters
    ----------
    read, written
        Tokens of the input and of the target.
    """
    inner = heads * head_dim
    square, feed_forward = d_model * inner, 2 * d_model * d_ff
    encoder = read * (4 * square + feed_forward + 2 * read * inner)
    decoder = written * (6 * square + feed_forward + 2 * written * inner)
    cross = 2 * read * square + 2 * read * written * inner
    return layers * (encoder + decoder + cross) + written * d_model * vocab
