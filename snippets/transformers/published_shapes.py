"""Where the parameters of published models are, and where their multiplications go.

The sizes of GPT-2 (Radford et al., 2019) and Mixtral 8x7B (Jiang et al., 2024,
https://arxiv.org/abs/2401.04088) are the defaults of their configurations in
transformers; those of Llama 3 8B (Grattafiori et al., 2024,
https://arxiv.org/abs/2407.21783) are those of its published configuration.
"""

from snippets.foundations.resource_accounting import (
    Decoder,
    forward_flops,
    matmul_flops,
    parameters,
)

PUBLISHED = {
    "GPT-2": Decoder(
        layers=12, d_model=768, heads=12, kv_heads=12, head_dim=64, d_ff=3072,
        vocab=50257, positions=1024, gated=False, biases=True, tied=True,
    ),
    "Llama 3 8B": Decoder(
        layers=32, d_model=4096, heads=32, kv_heads=8, head_dim=128, d_ff=14336,
        vocab=128256,
    ),
    "Mixtral 8x7B": Decoder(
        layers=32, d_model=4096, heads=32, kv_heads=8, head_dim=128, d_ff=14336,
        vocab=32000, experts=8, top_k=2,
    ),
}  # fmt: skip


def attention_parameters(model: Decoder) -> int:
    """Numbers in the four matrices of all attention layers."""
    rows = 2 * (model.heads + model.kv_heads) * model.head_dim
    return model.layers * rows * model.d_model


def network_parameters(model: Decoder, experts: int) -> int:
    """Numbers in the matrices of feed-forward networks, ``experts`` in each layer."""
    matrices = 3 if model.gated else 2
    return model.layers * experts * matrices * model.d_model * model.d_ff


def parameter_parts(model: Decoder) -> dict[str, int]:
    """Parameters by part; the rest is norms, biases and routers.

    Examples
    --------
    >>> parts = parameter_parts(PUBLISHED["GPT-2"])
    >>> {name: round(count / 1e6, 1) for name, count in parts.items()}
    {'tables': 39.4, 'attention': 28.3, 'feed-forward': 56.6, 'rest': 0.1}
    """
    tables = (1 if model.tied else 2) * model.vocab + model.positions
    found = {
        "tables": tables * model.d_model,
        "attention": attention_parameters(model),
        "feed-forward": network_parameters(model, model.experts),
    }
    return found | {"rest": parameters(model) - sum(found.values())}


def flop_parts(model: Decoder, seq: int) -> dict[str, int]:
    """FLOPs of matrix products for one text of ``seq`` tokens, by part.

    Routers count as feed-forward. Scores that a causal mask hides count, too.

    Examples
    --------
    >>> parts = flop_parts(PUBLISHED["GPT-2"], seq=1024)
    >>> {name: round(flops / 1e9) for name, flops in parts.items()}
    {'attention matrices': 58, 'scores and values': 39, 'feed-forward': 116, 'head': 79}
    """
    matrices = matmul_flops(seq, 1, attention_parameters(model))
    network = matmul_flops(seq, 1, network_parameters(model, model.top_k))
    head = matmul_flops(seq, model.d_model, model.vocab)
    total = forward_flops(model, batch=1, seq=seq)
    scores = 2 * model.layers * matmul_flops(seq, model.heads * model.head_dim, seq)
    routers = total - matrices - network - head - scores
    found = {"attention matrices": matrices, "scores and values": scores}
    return found | {"feed-forward": network + routers, "head": head}
