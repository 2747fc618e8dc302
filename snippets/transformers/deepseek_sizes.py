"""What each piece of a DeepSeek model costs: parameters, FLOPs, bytes of cache.

DeepSeek-AI (2024), DeepSeek-V3, https://arxiv.org/abs/2412.19437, section 4.2; the
widths that it does not give, and the indexer of DeepSeek-V3.2, from transformers

Symbols of the paper::

    n_h                      heads          d'_c, d_c    query_dim, latent_dim
    d_h, d_h^R               nope_dim (and value_dim), rope_dim
    N_r, K_r, N_s            experts, top_k, shared
    D                        mtp, modules for multi-token prediction
    H^I, d^I, k              index_heads, index_dim, selected
"""

from dataclasses import dataclass, replace

from snippets.attention.multi_head_latent_attention import latent_cache_bytes
from snippets.foundations.resource_accounting import matmul_flops


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """The sizes of a model.

    Parameters
    ----------
    dense_layers
        The first layers, which have one feed-forward network of width ``d_ff``; all
        others have experts of width ``expert_d_ff``.
    selected
        Keys that each query reads; all of them if there is no indexer.

    Raises
    ------
    ValueError
        If a size is below its least, or experts, layers or the indexer do not fit.
    """

    vocab: int
    d_model: int
    layers: int
    dense_layers: int
    heads: int
    query_dim: int
    latent_dim: int
    nope_dim: int
    rope_dim: int
    value_dim: int
    d_ff: int
    experts: int
    top_k: int
    expert_d_ff: int
    shared: int = 1
    groups: int = 1
    kept_groups: int = 1
    mtp: int = 0
    index_heads: int = 0
    index_dim: int = 0
    selected: int = 0

    def __post_init__(self) -> None:
        zero = ("dense_layers", "mtp", "index_heads", "index_dim", "selected")
        for name, size in vars(self).items():
            if size < (0 if name in zero else 1):
                raise ValueError(f"no model with {name}={size}")
        if self.dense_layers > self.layers or self.top_k > self.experts:
            raise ValueError(
                f"does not fit: dense_layers={self.dense_layers} of {self.layers}, "
                f"top_k={self.top_k} of {self.experts} experts"
            )
        indexer = [self.index_heads, self.index_dim, self.selected]
        if any(indexer) and not all(indexer):
            raise ValueError(f"an indexer needs all three of {zero[2:]}: {indexer}")


V3 = Sizes(
    vocab=129280, d_model=7168, layers=61, dense_layers=3, heads=128, query_dim=1536,
    latent_dim=512, nope_dim=128, rope_dim=64, value_dim=128, d_ff=18432, experts=256,
    top_k=8, expert_d_ff=2048, groups=8, kept_groups=4, mtp=1,
)  # fmt: skip
V32 = replace(V3, index_heads=64, index_dim=128, selected=2048)
TINY = Sizes(
    vocab=11, d_model=24, layers=2, dense_layers=1, heads=3, query_dim=10, latent_dim=8,
    nope_dim=6, rope_dim=4, value_dim=5, d_ff=20, experts=8, top_k=3, expert_d_ff=8,
    mtp=1,
)  # fmt: skip


def attention_parameters(sizes: Sizes) -> int:
    """Numbers in the five matrices of one layer of latent attention.

    Examples
    --------
    >>> attention_parameters(V3)
    187105280
    """
    query = sizes.heads * (sizes.nope_dim + sizes.rope_dim)
    up = sizes.heads * (sizes.nope_dim + sizes.value_dim)
    down = sizes.query_dim + sizes.latent_dim + sizes.rope_dim
    out = sizes.heads * sizes.value_dim
    return (
        sizes.d_model * (down + out) + sizes.query_dim * query + sizes.latent_dim * up
    )


def indexer_parameters(sizes: Sizes) -> int:
    """Numbers in the three matrices of one indexer."""
    query = sizes.query_dim * sizes.index_heads * sizes.index_dim
    return query + sizes.d_model * (sizes.index_dim + sizes.index_heads)


def norm_parameters(sizes: Sizes) -> int:
    """Numbers in the norms of one layer, those of the latents and indexer included."""
    latents = sizes.query_dim + sizes.latent_dim
    return 2 * sizes.d_model + latents + 2 * sizes.index_dim


def expert_parameters(sizes: Sizes, visited: int) -> dict[str, int]:
    """Numbers in one layer of experts, of which ``visited`` are counted."""
    one = 3 * sizes.d_model * sizes.expert_d_ff
    return {
        "experts": visited * one,
        "shared expert": sizes.shared * one,
        "routers": sizes.d_model * sizes.experts,
    }


def parameter_parts(sizes: Sizes, visited: int | None = None) -> dict[str, int]:
    """Parameters by piece, without the modules for multi-token prediction.

    Parameters
    ----------
    visited
        Experts of a layer that count; all by default, ``top_k`` for the parameters
        that a token uses.

    Examples
    --------
    >>> round(sum(parameter_parts(V3).values()) / 1e9)
    671
    """
    sparse = sizes.layers - sizes.dense_layers
    layer = expert_parameters(sizes, sizes.experts if visited is None else visited)
    dense = 3 * sizes.d_model * sizes.d_ff
    return {
        "embedding": sizes.vocab * sizes.d_model,
        "attention": sizes.layers * attention_parameters(sizes),
        "indexers": sizes.layers * indexer_parameters(sizes),
        "dense networks": sizes.dense_layers * dense,
        **{name: sparse * count for name, count in layer.items()},
        "norms": sizes.layers * norm_parameters(sizes) + sizes.d_model,
        "head": sizes.vocab * sizes.d_model,
    }


def mtp_parameters(sizes: Sizes, visited: int | None = None) -> int:
    """Parameters of the modules for multi-token prediction: a layer and a projection.

    Embedding and head are those of the model and do not count.
    """
    layer = expert_parameters(sizes, sizes.experts if visited is None else visited)
    attention = attention_parameters(sizes) + indexer_parameters(sizes)
    norms = norm_parameters(sizes) + 3 * sizes.d_model
    join = 2 * sizes.d_model**2
    return sizes.mtp * (sum(layer.values()) + attention + norms + join)


def pair_flops(sizes: Sizes, *, absorbed: bool) -> int:
    """FLOPs of the scores and the mean for one query and one key, in all heads.

    Examples
    --------
    >>> pair_flops(V3, absorbed=True), pair_flops(V3, absorbed=False)
    (278528, 81920)
    """
    score, value = sizes.nope_dim + sizes.rope_dim, sizes.value_dim
    if absorbed:
        score, value = sizes.latent_dim + sizes.rope_dim, sizes.latent_dim
    return matmul_flops(1, score + value, sizes.heads)


def flop_parts(
    sizes: Sizes, queries: int, kv_len: int, *, absorbed: bool
) -> dict[str, int]:
    """FLOPs of matrix products when ``queries`` new tokens go through the model.

    The cache holds ``kv_len`` tokens, the new ones included. Scores that the causal
    mask hides count, too. Without absorption, the keys and values of the new tokens
    are rebuilt, and those of earlier ones are taken as given.

    Raises
    ------
    ValueError
        If there are no new tokens, or more than the cache holds.

    Examples
    --------
    Without a cache to read, a product costs two FLOPs per parameter that is used:

    >>> parts = flop_parts(V3, queries=1, kv_len=1, absorbed=True)
    >>> parts["dense networks"] // parameter_parts(V3)["dense networks"]
    2
    """
    if not 1 <= queries <= kv_len:
        raise ValueError(f"{queries} queries cannot be the last of {kv_len} tokens")
    read = min(sizes.selected, kv_len) if sizes.selected else kv_len
    # products of all heads with a key, and their weighted sum
    pair = matmul_flops(1, sizes.index_heads, sizes.index_dim + 1)
    used = parameter_parts(sizes, sizes.top_k)
    linear = {
        name: matmul_flops(queries, 1, count)
        for name, count in used.items()
        if name not in ("embedding", "norms")
    }
    head, indexers = linear.pop("head"), linear.pop("indexers")
    core = sizes.layers * queries * read * pair_flops(sizes, absorbed=absorbed)
    return {
        "attention": linear.pop("attention"),
        "scores and values": core,
        "indexers": indexers + sizes.layers * queries * kv_len * pair,
        **linear,
        "head": head,
    }


def cache_bytes(sizes: Sizes, tokens: int, itemsize: int = 2) -> int:
    """Bytes of cache for one text: latents, rotated keys, and keys of the indexers.

    Examples
    --------
    >>> cache_bytes(V3, tokens=1)
    70272
    """
    latent = latent_cache_bytes(
        sizes.layers, sizes.latent_dim, sizes.rope_dim, tokens, itemsize
    )
    return latent + sizes.layers * sizes.index_dim * tokens * itemsize
