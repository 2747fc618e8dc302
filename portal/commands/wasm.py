"""``make wasm`` compiles what trains a model in the reader's browser.

The compiler is clang, as the package ``ziglang`` brings it. Its version is pinned: with
another one, the bytes would be others.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

SOURCE = "widgets/finetuning/gpt.c"
FLAGS = [
    *("-target", "wasm32-freestanding"),
    "-mcpu=generic+simd128+nontrapping_fptoint+bulk_memory",
    *("-O3", "-s", "-nostdlib", "-Wl,--no-entry"),
    *("-Wall", "-Wextra", "-Werror"),
]


def compile_source(source: Path) -> bytes:
    """The module; compiled where no name or cache of this machine gets into it.

    Raises
    ------
    ValueError
        If the compiler refuses the source.
    """
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        (scratch / source.name).write_bytes(source.read_bytes())
        caches = {f"ZIG_{kind}_CACHE_DIR": folder for kind in ("GLOBAL", "LOCAL")}
        command = [sys.executable, "-m", "ziglang", "cc", *FLAGS]
        done = subprocess.run(
            [*command, "-o", "module.wasm", source.name],
            cwd=scratch,
            env=os.environ | caches,
            capture_output=True,
            text=True,
        )
        if done.returncode:
            raise ValueError(f"{source.name} cannot be compiled:\n{done.stderr}")
        return (scratch / "module.wasm").read_bytes()


def write(root: Path) -> Path:
    """Puts the module beside its source."""
    target = (root / SOURCE).with_suffix(".wasm")
    target.write_bytes(compile_source(root / SOURCE))
    return target
