"""Our GPT as a folder that GPT2LMHeadModel reads: the reverse of loading.

Names and layout in the file: ``GPT2LMHeadModel`` of transformers
"""

import json
from pathlib import Path

from safetensors.torch import save_file
from torch import Tensor

from snippets.training.pretrained_weights import CONV1D, FIXED, SIZES
from snippets.transformers.gpt import GPT


def to_gpt2(model: GPT) -> dict[str, Tensor]:
    """The reverse of :func:`.from_gpt2`, with the prefix and without the tied head."""
    return {
        f"transformer.{name}": (t.T if name.endswith(CONV1D) else t).contiguous()
        for name, t in model.state_dict().items()
        if name != "lm_head.weight"
    }


def save_gpt2(model: GPT, folder: str | Path) -> None:
    """Write ``config.json`` and ``model.safetensors``, as ``save_pretrained`` would."""
    n_positions, d_model = model.wpe.weight.shape
    sizes = {"vocab": model.wte.num_embeddings, "n_positions": n_positions}
    sizes |= {"d_model": d_model, "layers": len(model.h)}
    sizes |= {"heads": model.h[0].attn.heads}
    config = {"architectures": ["GPT2LMHeadModel"], "model_type": "gpt2", **FIXED}
    config |= {name: sizes[ours] for ours, name in SIZES.items()}
    config |= {"bos_token_id": None, "eos_token_id": None}  # ours has no such tokens
    Path(folder, "config.json").write_text(json.dumps(config))
    path = Path(folder, "model.safetensors")
    save_file(to_gpt2(model), path, metadata={"format": "pt"})
