"""Published decoders: the sizes of models whose caches are compared.

The numbers are those of each model's configuration file. Falcon 7B has one key/value
head, the Llama 2 13B and 7B and OPT-13B one for every query head.
"""

from snippets.foundations.resource_accounting import Decoder

# layers, d_model, heads, kv_heads, head_dim, d_ff, vocab
_SIZES: dict[str, tuple[int, ...]] = {
    "OPT-13B": (40, 5120, 40, 40, 128, 20480, 50272),
    "Llama 2 7B": (32, 4096, 32, 32, 128, 11008, 32000),
    "Llama 2 13B": (40, 5120, 40, 40, 128, 13824, 32000),
    "Llama 2 70B": (80, 8192, 64, 8, 128, 28672, 32000),
    "Llama 3 8B": (32, 4096, 32, 8, 128, 14336, 128256),
    "Mistral 7B": (32, 4096, 32, 8, 128, 14336, 32000),
    "Falcon 7B": (32, 4544, 71, 1, 64, 18176, 65024),
}
_OTHERS: dict[str, dict[str, bool | int]] = {
    "OPT-13B": {"gated": False, "biases": True, "tied": True, "positions": 2050},
    "Falcon 7B": {"gated": False, "tied": True},
}
_FIELDS = "layers", "d_model", "heads", "kv_heads", "head_dim", "d_ff", "vocab"


def published(name: str) -> Decoder:
    """The sizes of a published model.

    Examples
    --------
    >>> published("Llama 3 8B").kv_heads
    8
    """
    sizes = dict(zip(_FIELDS, _SIZES[name], strict=True))
    return Decoder(**sizes, **_OTHERS.get(name, {}))
