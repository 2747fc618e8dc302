"""Quantized checkpoint: a model quantized by torchao, saved and loaded again.

torchao, https://docs.pytorch.org/ao
"""

from copy import deepcopy
from typing import Any

import torch
from torch import nn
from torchao.core.config import AOBaseConfig
from torchao.quantization import quantize_

from snippets.inference.quantized_model import linear_layers


def save_quantized(model: nn.Module, config: AOBaseConfig, file: Any) -> None:
    """Quantize a copy by torchao, all linear layers but the head, and write a file."""
    model, chosen = deepcopy(model), linear_layers(model)
    quantize_(model, config, filter_fn=lambda module, name: name in chosen)
    torch.save(model.state_dict(), file)


def load_quantized(empty: nn.Module, file: Any) -> nn.Module:
    """Put the quantized tensors of a file into a model that was not quantized."""
    empty.load_state_dict(torch.load(file), assign=True)
    return empty
