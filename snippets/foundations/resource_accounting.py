"""Resource accounting: operations and bytes of a transformer before anything has run.

Kaplan et al. (2020), https://arxiv.org/abs/2001.08361; Rajbhandari et al. (2019),
https://arxiv.org/abs/1910.02054; Korthikanti et al. (2022),
https://arxiv.org/abs/2205.05198; Chowdhery et al. (2022),
https://arxiv.org/abs/2204.02311

A FLOP is one multiplication or one addition of two floating-point numbers. Symbols of
the papers, and their names here::

    L, n_layer              -> ``layers``
    d, h, d_model           -> ``d_model``
    H, a, n_heads           -> ``heads``
    d_ff                    -> ``d_ff``, width inside the feed-forward network
    s, n_ctx                -> ``seq``, tokens of context
    b                       -> ``batch``, sequences
    N                       -> ``matrix_parameters``: it counts the output head, where
                               Kaplan et al. leave it out
    N_d (ZeRO)              -> ``ranks``, devices that share the training state
"""

from dataclasses import dataclass


def matmul_flops(rows: int, inner: int, columns: int) -> int:
    """FLOPs of a ``(rows, inner)`` matrix times an ``(inner, columns)`` one.

    Examples
    --------
    >>> matmul_flops(2, 3, 5)  # 10 numbers, each of 3 products and 3 additions
    60
    """
    return 2 * rows * inner * columns


@dataclass(frozen=True, kw_only=True)
class Decoder:
    """The sizes of a decoder-only transformer.

    Parameters
    ----------
    positions
        Rows of a learned table of positions; 0 for models that rotate instead.
    gated
        Three matrices in the feed-forward network instead of two.
    biases
        Every matrix but the head has a bias, and so has every norm.
    tied
        The head is the embedding table once more: one matrix, two uses.
    experts, top_k
        Feed-forward networks in a layer, and how many of them a token visits.

    Raises
    ------
    ValueError
        If a size is below one, or heads or experts do not fit together.
    """

    layers: int
    d_model: int
    heads: int
    kv_heads: int
    head_dim: int
    d_ff: int
    vocab: int
    positions: int = 0
    gated: bool = True
    biases: bool = False
    tied: bool = False
    experts: int = 1
    top_k: int = 1

    def __post_init__(self) -> None:
        may_be_zero = {"positions", "gated", "biases", "tied"}
        sizes = [size for name, size in vars(self).items() if name not in may_be_zero]
        if min(*sizes, self.positions + 1) < 1:
            raise ValueError(f"sizes must be at least 1: {self}")
        if self.heads % self.kv_heads or self.top_k > self.experts:
            raise ValueError(
                f"uneven: heads={self.heads}, kv_heads={self.kv_heads}, "
                f"experts={self.experts}, top_k={self.top_k}"
            )


def matrix_parameters(model: Decoder, experts: float | int) -> float | int:
    """Numbers in the matrices, with ``experts`` networks in each layer, and the head.

    Examples
    --------
    One layer, width 2, two heads of one feature, an inner width of 8, five tokens:
    16 in attention, 32 in the feed-forward network, 10 in the head.

    >>> sizes = dict(layers=1, d_model=2, heads=2, kv_heads=2, head_dim=1, d_ff=8)
    >>> matrix_parameters(Decoder(**sizes, vocab=5, gated=False), experts=1)
    58
    """
    query_and_out = 2 * model.d_model * model.heads * model.head_dim
    key_and_value = 2 * model.d_model * model.kv_heads * model.head_dim
    network = (3 if model.gated else 2) * model.d_model * model.d_ff
    router = model.d_model * model.experts if model.experts > 1 else 0
    layer = query_and_out + key_and_value + experts * network + router
    return model.layers * layer + model.vocab * model.d_model


def parameters(model: Decoder) -> int:
    """All trained numbers: matrices, tables, norms and biases."""
    tables = model.positions + (0 if model.tied else model.vocab)
    norms = 2 * model.layers + 1
    total = matrix_parameters(model, model.experts)
    total += (tables + norms) * model.d_model
    if model.biases:
        attention = (model.heads + 2 * model.kv_heads) * model.head_dim + model.d_model
        network = (2 if model.gated else 1) * model.d_ff + model.d_model
        router = model.experts if model.experts > 1 else 0
        layer = attention + model.experts * network + router
        total += model.layers * layer + norms * model.d_model
    return total


def forward_flops(model: Decoder, batch: int, seq: int) -> int:
    """FLOPs of all matrix products when ``batch * seq`` tokens go through."""
    tokens = batch * seq
    weights = 2 * matrix_parameters(model, model.top_k) * tokens
    attention = 4 * model.layers * seq * model.heads * model.head_dim * tokens
    return weights + attention


def training_flops(model: Decoder, batch: int, seq: int) -> int:
    """Forward, and twice as much backward."""
    return 3 * forward_flops(model, batch, seq)


def utilization(
    model: Decoder, seq: int, tokens_per_second: float, peak: float
) -> float:
    """Model FLOPs utilization (MFU): the share of ``peak``, in FLOP/s, put to use."""
    return training_flops(model, 1, seq) / seq * tokens_per_second / peak


def state_bytes(stage: int = 0, ranks: int = 1) -> float:
    """Bytes per parameter on each of ``ranks`` devices: Adam in mixed precision.

    Parameters
    ----------
    stage
        What ZeRO shards over the devices: nothing (0), the optimizer state (1),
        the gradients too (2), the weights too (3).

    Raises
    ------
    ValueError
        If there is no such stage, or no device.

    Examples
    --------
    >>> [state_bytes(stage, ranks=4) for stage in range(4)]
    [16.0, 7.0, 5.5, 4.0]
    """
    if not 0 <= stage <= 3 or ranks < 1:
        raise ValueError(
            f"ZeRO has stages 0 to 3, on 1 rank or more: {stage=}, {ranks=}"
        )
    weights, gradients, optimizer = 2, 2, 4 + 4 + 4  # the last: FP32 copy, moments
    return (
        weights / (ranks if stage >= 3 else 1)
        + gradients / (ranks if stage >= 2 else 1)
        + optimizer / (ranks if stage >= 1 else 1)
    )


def activation_bytes(batch: int, seq: int, d_model: int, heads: int) -> dict[str, int]:
    """Bytes of activations that one layer stores, by what is recomputed.

    The layer is GPT's: an inner width of ``4 * d_model``, GELU, dropout, 16 bits.

    Raises
    ------
    ValueError
        If a size is below one.

    Examples
    --------
    >>> activation_bytes(batch=1, seq=10, d_model=20, heads=2)
    {'nothing': 7800, 'attention': 6800, 'layer': 400}
    """
    if min(batch, seq, d_model, heads) < 1:
        raise ValueError(f"below one: {batch=}, {seq=}, {d_model=}, {heads=}")
    numbers = batch * seq * d_model
    scores = batch * heads * seq * seq
    return {
        "nothing": 34 * numbers + 5 * scores,
        "attention": 34 * numbers,
        "layer": 2 * numbers,
    }
