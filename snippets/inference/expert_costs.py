"""Expert costs: room and time of a mixture of experts under several layouts.

Pope et al. (2022), https://arxiv.org/abs/2211.05102 (layouts);
DeepSeek-AI (2024), https://arxiv.org/abs/2412.19437 (attention by request)

Every layout spreads the experts over all ranks. The heads of a request are shared by
``tensor_ranks`` of them: by all in *tensor parallelism*, by one in *data-parallel
attention*, or by a group in between. Key heads that are fewer than ``tensor_ranks`` are
kept several times. Weights have 8 bits, caches 16.
"""

from snippets.attention.grouped_query_attention import cache_bytes
from snippets.foundations.resource_accounting import (
    Decoder,
    matrix_parameters,
    parameters,
)
from snippets.inference.model_parallelism import ring_bytes
from snippets.inference.server_costs import H100, Device, touched_experts

#: Qwen3-235B-A22B: 235 billion parameters, of which a token uses 22.
QWEN3_235B = Decoder(
    layers=94,
    d_model=4096,
    heads=64,
    kv_heads=4,
    head_dim=128,
    d_ff=1536,
    vocab=151936,
    experts=128,
    top_k=8,
)


def cache_copies(model: Decoder, tensor_ranks: int) -> float:
    """How often each key is kept, if so many ranks share the heads of a request."""
    return max(tensor_ranks / model.kv_heads, 1.0)


def cached_tokens(
    model: Decoder, ranks: int, tensor_ranks: int, *, device: Device = H100
) -> int:
    """Tokens whose keys and values fit beside the weights, on all ranks together.

    Raises
    ------
    ValueError
        If the ranks do not form groups of ``tensor_ranks``.
    """
    if ranks % tensor_ranks:
        raise ValueError(f"{ranks} ranks in groups of {tensor_ranks}")
    experts = matrix_parameters(model, model.experts) - matrix_parameters(model, 0)
    rest = parameters(model) - experts
    weights = experts / ranks + rest / tensor_ranks
    token = cache_bytes(model.layers, model.kv_heads, model.head_dim, tokens=1)
    token *= cache_copies(model, tensor_ranks)
    return max(int(ranks * (device.memory - weights) // token), 0)


def step_costs(
    model: Decoder,
    ranks: int,
    tensor_ranks: int,
    requests: int,
    context: int,
    *,
    device: Device = H100,
    link: float = 450e9,
    latency: float = 10e-6,
) -> dict[str, float]:
    """Seconds on each rank of a step that decodes ``requests``, on all ranks together.

    Experts are equally popular. Dispatch sends 8 bits for a number, combine 16. Groups
    of ``tensor_ranks`` are joined by NVLink.

    Parameters
    ----------
    link, latency
        Bytes per second, and seconds before the first byte, of dispatch and combine.
    """
    touched = touched_experts(model.experts, model.top_k, requests)
    rest = matrix_parameters(model, 0)
    read = (matrix_parameters(model, touched) - rest) / ranks + rest / tensor_ranks
    keys = requests * context
    cache = cache_bytes(model.layers, model.kv_heads, model.head_dim, keys) / ranks
    read += cache * cache_copies(model, tensor_ranks)
    products = 2 * matrix_parameters(model, model.top_k) * requests
    products += 4 * model.layers * model.heads * model.head_dim * keys
    together = ring_bytes(
        2 * model.d_model * requests * tensor_ranks / ranks, tensor_ranks
    )
    links = (tensor_ranks > 1) * (10e-6 + together / 450e9)  # sum after attention
    if tensor_ranks == ranks:
        links *= 2  # and after the experts
    else:
        away = requests / ranks * model.top_k * (1 - 1 / ranks)
        sent = (1 + 2) * model.d_model * away
        links += 2 * latency + sent / link  # dispatch, combine
    return {
        "arithmetic": products / ranks / device.fp8_peak / device.mfu,
        "memory": read / device.bandwidth / device.mbu,
        "links": model.layers * links,
        "launch": model.layers * device.launch,
    }


def step_seconds(costs: dict[str, float]) -> float:
    """Arithmetic hides behind reading, or the reverse; the rest does not hide."""
    return sum(costs.values()) - min(costs["arithmetic"], costs["memory"])
