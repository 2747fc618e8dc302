"""Attention residuals: a layer chooses among the outputs of all layers below it.

Kimi Team (2026), https://arxiv.org/abs/2603.15031. Symbols of the paper and our
names::

    v_i              sources[i], the embedding and the outputs of layers
    w_l              queries[l - 1], the pseudo-query of layer l
    alpha_{i->l}     the softmax of depth_scores
    b_n^i            partial, the running sum of a block

Axes::

    sources  what can be chosen from: the embedding, then outputs of layers (or blocks)
    layers   attention and feed-forward layers, counted separately
    readers  all layers and the output head: each has a query
    d_model  features of a token
    ...      any further axes, such as tokens, each of which chooses for itself, or
             networks that are trained at once
"""

from collections.abc import Callable, Sequence

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import rms_norm

Layer = Callable[[Tensor], Tensor]


def depth_scores(
    sources: Float[Tensor, "sources *batch d_model"],
    query: Float[Tensor, "... d_model"],
) -> Float[Tensor, "sources *batch 1"]:
    """Agreement of a layer's query with each source, whatever the source's length.

    Sources with a root mean square below about 0.003 score less: a small constant in
    the norm keeps the gradient of a source of zeros finite. Scores are at least in
    single precision.
    """
    wide = sources.to(torch.promote_types(sources.dtype, torch.float32))
    return (rms_norm(wide, wide.shape[-1:]) * query).sum(dim=-1, keepdim=True)


def depth_mix(
    sources: Float[Tensor, "sources *batch d_model"],
    query: Float[Tensor, "... d_model"],
) -> Float[Tensor, "*batch d_model"]:
    """Input of a layer: a weighted mean of the sources, by softmax over depth.

    Examples
    --------
    A query of zeros takes the plain mean:

    >>> depth_mix(torch.tensor([[1.0, 2.0], [5.0, 4.0]]), torch.zeros(2))
    tensor([3., 3.])
    """
    weights = depth_scores(sources, query).softmax(dim=0)
    return (weights * sources).sum(dim=0).to(sources.dtype)


def attention_residuals(
    x: Float[Tensor, "*batch d_model"],
    layers: Sequence[Layer],
    queries: Float[Tensor, "readers ... d_model"],
) -> Float[Tensor, "*batch d_model"]:
    """All layers, each fed by a mix over depth, and a last mix for the output head.

    Parameters
    ----------
    layers
        Functions of their input alone: nothing is added back to it.
    queries
        One for each layer and one for the head; learned, and zero at the start.

    Raises
    ------
    ValueError
        If there is not one query more than layers.

    Examples
    --------
    The layer doubles the embedding (1 to 2), and the head takes the mean of both:

    >>> attention_residuals(torch.ones(1), [lambda h: 2 * h], torch.zeros(2, 1))
    tensor([1.5000])
    """
    check_sizes(layers, queries)
    sources = [x]
    for layer, query in zip(layers, queries[:-1], strict=True):
        sources.append(layer(depth_mix(torch.stack(sources), query)))
    return depth_mix(torch.stack(sources), queries[-1])


def block_attention_residuals(
    x: Float[Tensor, "*batch d_model"],
    layers: Sequence[Layer],
    queries: Float[Tensor, "readers ... d_model"],
    block: int,
) -> Float[Tensor, "*batch d_model"]:
    """Attention residuals whose sources are sums over ``block`` neighboring layers.

    Raises
    ------
    ValueError
        If there is not one query more than layers, or a block has no layers.
    """
    check_sizes(layers, queries, block)
    sources = [x]
    for i, (layer, query) in enumerate(zip(layers, queries[:-1], strict=True)):
        out = layer(depth_mix(torch.stack(sources), query))
        if i % block == 0:
            sources.append(out)
        else:
            sources[-1] = sources[-1] + out
    return depth_mix(torch.stack(sources), queries[-1])


def two_phase_residuals(
    x: Float[Tensor, "*batch d_model"],
    layers: Sequence[Layer],
    queries: Float[Tensor, "readers ... d_model"],
    block: int,
) -> Float[Tensor, "*batch d_model"]:
    """Block attention residuals that read finished blocks once per block, not layer.

    Raises
    ------
    ValueError
        If there is not one query more than layers, or a block has no layers.
    """
    check_sizes(layers, queries, block)
    sources = [x]
    for start in range(0, len(layers), block):
        finished, asking = torch.stack(sources), queries[:-1][start : start + block]
        scores = torch.stack([depth_scores(finished, query) for query in asking])
        total = scores.logsumexp(dim=1)
        mixed = (scores.softmax(dim=1) * finished).sum(dim=1)
        partial = layers[start](mixed[0].to(x.dtype))
        for i in range(1, len(asking)):
            score = depth_scores(partial[None], asking[i])[0]
            share = torch.sigmoid(score - total[i])
            chosen = torch.lerp(mixed[i], partial.to(mixed.dtype), share)
            partial = partial + layers[start + i](chosen.to(x.dtype))
        sources.append(partial)
    return depth_mix(torch.stack(sources), queries[-1])


def check_sizes(layers: Sequence[Layer], queries: Tensor, block: int = 1) -> None:
    """Refuse sizes that do not fit, before a layer is run."""
    if len(queries) != len(layers) + 1:
        raise ValueError(f"{len(layers)} layers and a head, but {len(queries)} queries")
    if block < 1:
        raise ValueError(f"a block of {block} layers")


def mixing_share(sources: int, d_model: int, layer_operations: int) -> float:
    """Operations of a mix over those of its layer, both for one token.

    For each source and feature, six: two each for its length, its score and the mean.

    Examples
    --------
    Ten sources of 2048 features, before a feed-forward layer of four times that width:

    >>> round(mixing_share(10, 2048, layer_operations=16 * 2048**2), 5)
    0.00183
    """
    return 6 * sources * d_model / layer_operations
