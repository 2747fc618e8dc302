"""PyTorch's own kernel for weights of four bits on CPUs, and how long it takes.

The functions of this kernel are private, may change, and may be missing.
"""

from collections.abc import Callable
from time import process_time

import torch
from jaxtyping import BFloat16
from torch import Tensor

from snippets.inference.quantization import Quantized

Layer = Callable[[Tensor], Tensor]


def is_available() -> bool:
    """Whether this PyTorch has the kernel."""
    names = "_convert_weight_to_int4pack_for_cpu", "_weight_int4pack_mm_for_cpu"
    return all(hasattr(torch, name) for name in names)


def packed_layer(quantized: Quantized) -> Layer:
    """A layer that unpacks its weights while it multiplies.

    The kernel wants a scale and the value of code 8 for each group, in bfloat16.

    Raises
    ------
    ValueError
        If this PyTorch has no such kernel.
    """
    if not is_available():
        raise ValueError(f"PyTorch {torch.__version__} has no kernel for four bits")
    codes, scale, zero = quantized
    group = codes.shape[1] // scale.shape[1]
    packed = torch._convert_weight_to_int4pack_for_cpu(codes.int(), 1)
    grid = torch.stack([scale, scale * (8 - zero)], dim=-1)  # outputs groups 2
    grid = grid.transpose(0, 1).contiguous().bfloat16()

    def layer(x: BFloat16[Tensor, "tokens inputs"]) -> BFloat16[Tensor, "tokens out"]:
        return torch._weight_int4pack_mm_for_cpu(x, packed, group, grid)

    return layer


def cpu_times(layers: dict[int, Layer], x: Tensor, times: int) -> dict[int, list]:
    """CPU seconds of each layer, called in turn ``times`` times after a warm-up."""
    for layer in layers.values():
        layer(x)
    seconds = {name: [] for name in layers}
    for _ in range(times):
        for name, layer in layers.items():
            start = process_time()
            layer(x)
            seconds[name].append(process_time() - start)
    return seconds
