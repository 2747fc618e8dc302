"""Weights of GPT2LMHeadModel become our GPT, or are refused.

Names and layout in the file: ``GPT2LMHeadModel`` of transformers. Its ``Conv1D`` stores
a matrix as (in, out), our ``nn.Linear`` as (out, in).

Axes::

    in, out  features that a matrix reads and writes
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from snippets.training.checkpoint_folder import read_checkpoint
from snippets.transformers.gpt import GPT

CONV1D = (
    "attn.c_attn.weight",
    "attn.c_proj.weight",
    "mlp.c_fc.weight",
    "mlp.c_proj.weight",
)
MASKS = (".attn.bias", ".attn.masked_bias")  # constants that old versions saved
SIZES = {  # our names and those of config.json
    "vocab": "vocab_size",
    "n_positions": "n_positions",
    "d_model": "n_embd",
    "layers": "n_layer",
    "heads": "n_head",
}
FIXED = {  # settings that our GPT does not have, and the values it stands for
    "activation_function": "gelu_new",
    "layer_norm_epsilon": 1e-5,
    "n_inner": None,
    "scale_attn_weights": True,
    "scale_attn_by_inverse_layer_idx": False,
    "add_cross_attention": False,
    "tie_word_embeddings": True,
}


def gpt_from_config(config: Mapping[str, Any]) -> GPT:
    """A GPT with the sizes of a ``config.json``; its weights are random.

    Raises
    ------
    ValueError
        If a size is missing, or a setting needs what our GPT does not have.
    """
    for name, ours in {"model_type": "gpt2", **FIXED}.items():
        if config.get(name, ours) != ours:
            raise ValueError(f"{name}={config[name]!r}, but our GPT has {ours!r}")
    for name in SIZES.values():
        if type(config.get(name)) is not int:
            raise ValueError(f"{name}={config.get(name)!r} is not a size")
    return GPT(**{ours: config[name] for ours, name in SIZES.items()})


def from_gpt2(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Tensors of GPT-2 under our names and in our layout; masks are left out.

    Which matrices are transposed goes by name. The shape cannot tell: one of the four
    is square.

    Raises
    ------
    ValueError
        If a tensor stands in ``state`` with and without the prefix.

    Examples
    --------
    >>> file = {"transformer.h.0.mlp.c_fc.weight": torch.zeros(24, 96)}
    >>> {name: tuple(tensor.shape) for name, tensor in from_gpt2(file).items()}
    {'h.0.mlp.c_fc.weight': (96, 24)}
    """
    found: dict[str, Tensor] = {}
    for name, tensor in state.items():
        ours = name.removeprefix("transformer.")
        if ours.endswith(MASKS):
            continue
        if ours in found:
            raise ValueError(f"{ours} stands twice, once with the prefix transformer.")
        transposed = ours.endswith(CONV1D) and tensor.ndim == 2
        found[ours] = tensor.T if transposed else tensor
    return found


def problems(model: nn.Module, state: Mapping[str, Tensor]) -> list[str]:
    """Everything that keeps ``state`` from being all the weights of a model."""
    if odd := [name for name in state if not isinstance(state[name], Tensor)]:
        return [f"{name} is not a tensor" for name in odd]
    own = model.state_dict(keep_vars=True)  # a tied tensor stands under each name
    found = [f"{name} is unexpected" for name in state if name not in own]
    for name, tensor in own.items():
        tied = [other for other in own if own[other] is tensor and other in state]
        if not tied:
            found.append(f"{name} is missing")
        elif name in state:
            new, first = state[name], state[tied[0]]
            if new.shape != tensor.shape:
                shapes = f"{tuple(new.shape)}, the model {tuple(tensor.shape)}"
                found.append(f"{name}: the checkpoint has {shapes}")
            elif new.dtype.is_floating_point != tensor.dtype.is_floating_point:
                found.append(f"{name}: {new.dtype} does not become {tensor.dtype}")
            elif not new.to(tensor.dtype).isfinite().all():
                found.append(f"{name} is not finite as {tensor.dtype}")
            elif not torch.equal(new.to(tensor.dtype), first.to(tensor.dtype)):
                found.append(f"{name} differs from {tied[0]}, which is the same tensor")
    return found


@torch.no_grad()
def load(model: nn.Module, state: Mapping[str, Tensor]) -> None:
    """Copy all weights into a model, in the type that the model has; or change nothing.

    Of a tied tensor, one name is enough.

    Raises
    ------
    ValueError
        If a name is missing or unexpected, something is not a tensor, shapes or kinds
        of numbers differ, a number is not finite, or two tensors differ that are tied
        in the model.
    """
    if found := problems(model, state):
        raise ValueError("\n".join(["the checkpoint does not fit:", *found]))
    own = model.state_dict()
    for name, tensor in state.items():
        own[name].copy_(tensor)


def load_gpt2(folder: str | Path) -> GPT:
    """The model that ``save_pretrained`` wrote into a folder, as our GPT.

    Raises
    ------
    ValueError
        If ``config.json`` is no JSON object, or as :func:`gpt_from_config`,
        :func:`.read_checkpoint` and :func:`load`.
    """
    config = json.loads(Path(folder, "config.json").read_text())
    if not isinstance(config, dict):
        raise ValueError(f"config.json is no JSON object, but {config!r:.40}")
    model = gpt_from_config(config)
    load(model, from_gpt2(read_checkpoint(folder)))
    return model
