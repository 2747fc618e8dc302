"""BERT: a post-norm encoder whose positions see both sides.

Devlin et al. (2019), https://arxiv.org/abs/1810.04805. Without dropout: this is what
the model computes after training. :mod:`snippets.transformers.masked_language_modeling`
picks the tokens to predict.

Symbols of the paper::

    L, H, A              layers, d_model, heads
    E                    the sum of token, position and segment embeddings
    T_i                  states[..., i, :]
    C                    states[..., 0, :], at [CLS]; then pool(states)
    masked LM            MaskedLanguageModel
    attention_mask of    allowed; its entry (batch, query, key) is true where the query
        transformers     may attend to the key

Axes::

    batch    texts, or pairs of texts
    seq      positions of a text, with its special tokens
    d_model  features of a position
    d_ff     hidden features of the feed-forward network
    vocab    tokens that can be read and predicted
"""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn.functional import gelu

from snippets.attention.multi_head_attention import merge_heads, split_heads
from snippets.attention.self_attention import attention

EPS = 1e-12  # of all layer norms


class Block(nn.Module):
    """Attention and a feed-forward network, each followed by a sum and a norm."""

    def __init__(self, *, d_model: int, heads: int, d_ff: int) -> None:
        super().__init__()
        if heads < 1 or d_model % heads:
            raise ValueError(f"{d_model} features cannot be split into {heads} heads")
        self.heads = heads
        self.query = nn.Linear(d_model, d_model)
        self.key = nn.Linear(d_model, d_model)
        self.value = nn.Linear(d_model, d_model)
        self.out = nn.Linear(d_model, d_model)
        self.attention_norm = nn.LayerNorm(d_model, EPS)
        self.up, self.down = nn.Linear(d_model, d_ff), nn.Linear(d_ff, d_model)
        self.norm = nn.LayerNorm(d_model, EPS)

    def forward(
        self,
        x: Float[Tensor, "batch seq d_model"],
        allowed: Bool[Tensor, "#batch #seq seq"] | None = None,
    ) -> Float[Tensor, "batch seq d_model"]:
        parts = (self.query, self.key, self.value)
        query, key, value = (split_heads(part(x), self.heads) for part in parts)
        if allowed is not None:
            allowed = allowed.expand(-1, x.shape[1], -1).unsqueeze(1)  # for all heads
        mixed = merge_heads(attention(query, key, value, allowed))
        x = self.attention_norm(x + self.out(mixed))
        return self.norm(x + self.down(gelu(self.up(x))))


def initialize(layers: nn.Module, std: float) -> None:
    """Draw the weights of linear and embedding layers; their biases become zero."""
    for layer in layers.modules():
        if isinstance(layer, nn.Linear | nn.Embedding):
            nn.init.normal_(layer.weight, std=std)
        if isinstance(layer, nn.Linear):
            nn.init.zeros_(layer.bias)


class Bert(nn.Module):
    """The encoder: a state for each position, which depends on all allowed positions.

    Parameters
    ----------
    std
        Standard deviation of the weights at the start. The released models, with 768
        features and more, use 0.02; narrow models need more.

    Raises
    ------
    ValueError
        If a text is longer than ``positions``, or if ``allowed`` hides every key from
        a query.
    """

    def __init__(
        self,
        *,
        vocab: int,
        positions: int,
        d_model: int,
        heads: int,
        d_ff: int,
        layers: int,
        segments: int = 2,
        std: float = 0.02,
    ) -> None:
        super().__init__()
        self.token = nn.Embedding(vocab, d_model)
        self.position = nn.Embedding(positions, d_model)
        self.segment = nn.Embedding(segments, d_model)
        self.norm = nn.LayerNorm(d_model, EPS)
        self.blocks = nn.ModuleList(
            Block(d_model=d_model, heads=heads, d_ff=d_ff) for _ in range(layers)
        )
        self.pooler = nn.Linear(d_model, d_model)
        initialize(self, std)

    def forward(
        self,
        tokens: Int[Tensor, "batch seq"],
        segments: Int[Tensor, "batch seq"] | None = None,
        allowed: Bool[Tensor, "#batch #seq seq"] | None = None,
    ) -> Float[Tensor, "batch seq d_model"]:
        seq, longest = tokens.shape[-1], self.position.num_embeddings
        if seq > longest:
            raise ValueError(f"{seq} tokens, but embeddings for {longest} positions")
        if allowed is not None and not (seen := allowed.any(dim=-1)).all():
            text, query = (~seen).nonzero()[0].tolist()
            raise ValueError(f"text {text}, query {query}: the mask hides every key")
        tokens = tokens.long()  # embeddings refuse 8 and 16 bits
        segments = torch.zeros_like(tokens) if segments is None else segments.long()
        x = self.token(tokens) + self.position.weight[:seq] + self.segment(segments)
        x = self.norm(x)
        for block in self.blocks:
            x = block(x, allowed)
        return x

    def pool(
        self, states: Float[Tensor, "batch seq d_model"]
    ) -> Float[Tensor, "batch d_model"]:
        """A vector for the text: the state at [CLS], through a layer and tanh."""
        return self.pooler(states[..., 0, :]).tanh()


class MaskedLanguageModel(nn.Module):
    """Scores of each token at each position; the output weights are the embeddings."""

    def __init__(self, bert: Bert, std: float = 0.02) -> None:
        super().__init__()
        vocab, d_model = bert.token.weight.shape
        self.bert = bert
        self.dense = nn.Linear(d_model, d_model)
        self.norm = nn.LayerNorm(d_model, EPS)
        self.bias = nn.Parameter(torch.zeros(vocab))
        initialize(self.dense, std)

    def forward(
        self,
        tokens: Int[Tensor, "batch seq"],
        segments: Int[Tensor, "batch seq"] | None = None,
        allowed: Bool[Tensor, "#batch #seq seq"] | None = None,
    ) -> Float[Tensor, "batch seq vocab"]:
        states = self.bert(tokens, segments, allowed)
        states = self.norm(gelu(self.dense(states)))
        return states @ self.bert.token.weight.T + self.bias
