"""A checkpoint as a folder: one safetensors file, or shards and their index.

The names of the files are those of ``save_pretrained`` in transformers; so is the
choice between them.

Symbols::

    weight_map    which file of a sharded checkpoint has a tensor
"""

import json
from pathlib import Path

from torch import Tensor

from snippets.training.safetensors_file import read_safetensors


def read_weight_map(index: str | Path) -> dict[str, str]:
    """For each tensor, the file that has it.

    Raises
    ------
    ValueError
        If there is no map, or it leads to anything but a file of the same folder.
    """
    match json.loads(Path(index).read_text()):
        case {"weight_map": dict(weight_map)}:
            pass
        case other:
            raise ValueError(f"no weight_map in {other!r:.80}")
    for shard in weight_map.values():  # the index is foreign, too
        bare = isinstance(shard, str) and Path(shard).name == shard
        if not bare or shard in {"", ".."}:
            raise ValueError(f"{shard!r} is not a name of a file in the folder")
    return weight_map


def read_checkpoint(folder: str | Path) -> dict[str, Tensor]:
    """The tensors of ``model.safetensors``, or else of all shards that an index names.

    Raises
    ------
    ValueError
        As :func:`read_weight_map`; or if a shard does not have exactly the tensors
        that the index promises.
    """
    single = Path(folder, "model.safetensors")
    index = Path(folder, "model.safetensors.index.json")
    if single.exists() or not index.exists():  # an index may be left from before
        return read_safetensors(single)
    weight_map = read_weight_map(index)
    tensors: dict[str, Tensor] = {}
    for shard in sorted(set(weight_map.values())):
        found = read_safetensors(Path(folder, shard))
        promised = {name for name, file in weight_map.items() if file == shard}
        if differ := sorted(promised ^ found.keys()):
            raise ValueError(f"the index and {shard} differ in {', '.join(differ)}")
        tensors |= found
    return tensors
