"""Keeps what a gallery script leaves in ``measured``."""

import json
from pathlib import Path


def is_scalar(value: object) -> bool:
    """Whether a value is a single number of NumPy or torch."""
    return getattr(value, "ndim", None) == 0


def keep(block: tuple, block_vars: dict, gallery_conf: dict) -> str:
    """Write what the script has measured so far; Sphinx-Gallery calls it per cell.

    A number may be a scalar of NumPy or of torch.

    Raises
    ------
    TypeError
        If a value is not a number.
    """
    found = block_vars["example_globals"].get("measured")
    if found is not None:
        values = {k: v.item() if is_scalar(v) else v for k, v in found.items()}
        wrong = {k: v for k, v in values.items() if not isinstance(v, int | float)}
        if wrong:
            raise TypeError(f"`measured` may hold only numbers; convert {wrong}")
        target = Path(block_vars["target_file"]).with_suffix(".measured.json")
        target.write_text(json.dumps(values, indent=1))
    return ""
