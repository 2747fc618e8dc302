"""Traces a sample call, and keeps the shapes that it bound."""

import json
from pathlib import Path

from portal.worker.enter import enter
from portal.worker.trace.run import trace


def make(
    folder: Path,
    root: Path,
    file: Path,
    name: str,
    call: str,
    equal: list[set[str]],
    path: str,
) -> None:
    """Trace the call of ``name`` in ``file``; the shapes come to lie at ``path``."""
    enter(root, folder)
    module = ".".join(file.relative_to(root).with_suffix("").parts)
    lines = trace(file, module, name, call, equal)
    target = folder / path
    target.parent.mkdir(parents=True)
    target.write_text(json.dumps(lines, indent=1))
