"""Weights of ``DeepseekV3ForCausalLM`` and ``DeepseekV32ForCausalLM``, renamed.

The names and layouts are those of transformers 5.23; modules for multi-token
prediction are those of its ``MtpModel``.
"""

import re

import torch
from torch import Tensor

SHARED = re.compile(r"(.*\bmlp\.shared_experts\.)gate_proj\.weight")


def from_transformers(
    state: dict[str, Tensor], mtp: dict[str, Tensor] | None = None
) -> dict[str, Tensor]:
    """State dict of our model, from that of the library and of its ``MtpModel``.

    Ours stacks two matrices of a shared expert, as those of the other experts are.

    Raises
    ------
    ValueError
        If a head is missing: ``state`` is that of a base model.
    """
    if "lm_head.weight" not in state:
        raise ValueError(f"no lm_head.weight among {len(state)} tensors")
    found = {name.removeprefix("model."): w for name, w in state.items()}
    for name, weight in (mtp or {}).items():
        if name.startswith("layers."):
            found["mtp." + name.removeprefix("layers.")] = weight
    sparse = any(".indexer." in name for name in found)
    ours = {}
    for name, weight in found.items():
        name = name.replace("gate.e_score_correction_bias", "bias")
        if sparse and ".self_attn." in name and ".indexer." not in name:
            name = name.replace(".self_attn.", ".self_attn.mla.")
        if match := SHARED.fullmatch(name):
            up = found[name.replace("gate_proj", "up_proj")]
            name, weight = match[1] + "gate_up_proj", torch.cat([weight, up])[None]
        elif "shared_experts.down_proj" in name:
            name, weight = name.removesuffix(".weight"), weight[None]
        elif "shared_experts.up_proj" in name:
            continue
        ours[name] = weight
    return ours
