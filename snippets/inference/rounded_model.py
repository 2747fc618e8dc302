"""A model whose linear layers see rounded numbers: weights, or inputs as well.

MXINT8 is that of the OCP Microscaling Formats (MX) Specification 1.0 (2023).

Values are rounded to what a format can store and kept as floating-point numbers, so
products are exact and only the rounding counts.

Axes::

    rows    any axes before the last
    values  last axis of a tensor, along which scales are shared
    texts   passages of a text
    seq     tokens of a passage
    vocab   tokens that there are
"""

from collections.abc import Callable
from copy import deepcopy

import torch
from jaxtyping import Float, Int
from torch import Tensor

from snippets.inference.low_precision_formats import (
    E2M1,
    E2M3,
    E3M2,
    E4M3,
    bits_per_value,
    dequantize,
    float_quantize,
    mx_quantize,
    nvfp4_quantize,
    split_blocks,
)
from snippets.inference.quantized_model import linear_layers
from snippets.inference.tiny_decoder import TinyDecoder

Rounding = Callable[[Float[Tensor, "*rows values"]], Float[Tensor, "*rows values"]]


def integer_round(
    values: Float[Tensor, "*rows values"], bits: int, block: int
) -> Float[Tensor, "*rows values"]:
    """INT8 or INT4 without a zero point: evenly spaced up to each block's peak."""
    split, peak = split_blocks(values, block)
    if not 2 <= bits <= 8:
        raise ValueError(f"{bits=} give no symmetric grid in a byte")
    scale = peak / (2 ** (bits - 1) - 1)
    scale = torch.where(scale > 0, scale, 1.0)
    return ((split / scale).round() * scale).flatten(-2)


def mxint8_round(
    values: Float[Tensor, "*rows values"], block: int = 32
) -> Float[Tensor, "*rows values"]:
    """MXINT8: steps of 1/64 from -127/64 to 127/64, times a power of two."""
    split, peak = split_blocks(values, block)
    scale = torch.ldexp(torch.ones_like(peak), torch.frexp(peak).exponent - 1)
    return ((split / scale * 64).round().clamp(-127, 127) / 64 * scale).flatten(-2)


def fp8_rows(values: Float[Tensor, "*rows values"]) -> Float[Tensor, "*rows values"]:
    """E4M3 with a scale per row: a token of an input, an output of a weight."""
    return dequantize(float_quantize(values, E4M3, values.shape[-1]), E4M3)


def int8_rows(values: Float[Tensor, "*rows values"]) -> Float[Tensor, "*rows values"]:
    """INT8 with a scale per row."""
    return integer_round(values, 8, values.shape[-1])


ROUNDINGS: dict[str, Rounding] = {
    "INT8": int8_rows,
    "FP8": fp8_rows,
    "MXINT8": mxint8_round,
    "MXFP8": lambda x: dequantize(mx_quantize(x, E4M3), E4M3),
    "MXFP6 E2M3": lambda x: dequantize(mx_quantize(x, E2M3), E2M3),
    "MXFP6 E3M2": lambda x: dequantize(mx_quantize(x, E3M2), E3M2),
    "NVFP4": lambda x: dequantize(nvfp4_quantize(x), E2M1),
    "INT4": lambda x: integer_round(x, 4, 32),
    "MXFP4": lambda x: dequantize(mx_quantize(x, E2M1), E2M1),
}


def stored_bits(name: str, values: int) -> float:
    """Bits per value in a row of ``values``; the scale of FP8 has 32, of INT 16."""
    element = int(name.removeprefix("MX").removeprefix("NV").lstrip("FPINT")[0])
    block = {"INT8": values, "FP8": values, "NVFP4": 16}.get(name, 32)
    scale = {"INT8": 16, "INT4": 16, "FP8": 32}.get(name, 8)
    return bits_per_value(element, scale, block)


def rounded(
    model: TinyDecoder, weights: Rounding, inputs: Rounding | None = None
) -> TinyDecoder:
    """A copy with rounded weights; ``inputs`` rounds what the layers are given."""
    model = deepcopy(model)
    for layer in linear_layers(model).values():
        layer.weight.data = weights(layer.weight.data)
        if inputs is not None:
            layer.register_forward_pre_hook(lambda _, args: (inputs(args[0]),))
    return model


@torch.no_grad()
def log_probabilities(
    model: TinyDecoder, tokens: Int[Tensor, "texts seq"]
) -> Float[Tensor, "texts seq vocab"]:
    """Of each possible next token, after each token of the passages."""
    return model.lm_head(model(tokens)).log_softmax(dim=-1)


def with_large_channels(
    model: TinyDecoder, channels: list[int], factor: float
) -> TinyDecoder:
    """A copy that computes the same, with some channels of normalized states larger.

    The norm's weight grows by ``factor``, the columns that read the channel shrink.
    """
    model = deepcopy(model)
    for layer in model.layers:
        mixer = layer.self_attn
        for norm, readers in (
            (layer.input_layernorm, (mixer.q_proj, mixer.k_proj, mixer.v_proj)),
            (layer.post_attention_layernorm, (layer.gate_proj, layer.up_proj)),
        ):
            norm.weight.data[channels] *= factor
            for reader in readers:
                reader.weight.data[:, channels] /= factor
    return model
