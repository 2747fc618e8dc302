"""Evaluate a sample call, and return the shapes that lines of a definition bound."""

import ast
import importlib
import math
import sys
import traceback
import types
from pathlib import Path

import numpy as np

from portal.text.hint import hint
from portal.worker.trace.instrument import RECORDER, Weaver
from portal.worker.trace.recorder import Recorder


def woven(file: Path, module: str, name: str) -> tuple[Recorder, dict]:
    """A recorder of one definition, and the globals of the module that it is part of.

    Raises
    ------
    LookupError
        If the module defines no function or class of that name.
    """
    text = file.read_text("utf-8")
    tree = ast.parse(text, file)
    for i, part in reversed(list(enumerate(tree.body))):
        if getattr(part, "name", "") == name:
            recorder = Recorder(file, text, part)
            tree.body[i] = Weaver().visit(part)
            return recorder, load(file, module, tree, recorder)
    known = [part.name for part in tree.body if hasattr(part, "name")]
    raise LookupError(f"{file} does not define {name}; {hint(name, known)}")


def load(file: Path, name: str, tree: ast.Module, recorder: Recorder) -> dict:
    """Execute a module whose tree has been woven; returns its globals."""
    parent = name.rpartition(".")[0]
    if parent:
        importlib.import_module(parent)
    module = types.ModuleType(name)
    module.__file__, module.__package__ = str(file), parent
    setattr(module, RECORDER, recorder)
    sys.modules[name] = module
    exec(compile(tree, str(file), "exec", dont_inherit=True), vars(module))
    return vars(module)


def evaluate(call: str, names: dict, file: Path) -> None:
    """Evaluate the call with the names of the module, and torch, np and math.

    Raises
    ------
    ValueError
        If it raises; the message says where in ``file``.
    """
    import torch

    torch.manual_seed(0)
    np.random.seed(0)  # noqa: NPY002 - what the call may use
    try:
        code = compile(call, "<sample call>", "eval", dont_inherit=True)
        eval(code, {"torch": torch, "np": np, "math": math, **names})
    except Exception as error:
        frames = traceback.extract_tb(error.__traceback__)
        places = [
            f"{file}:{part.lineno}: " for part in frames if part.filename == str(file)
        ]
        reason = f"the sample call raises {type(error).__name__}: {error}"
        raise ValueError("".join(places[-1:]) + reason) from error


def trace(
    file: Path, module: str, name: str, call: str, equal: list[set[str]]
) -> dict[str, dict[str, list[dict]]]:
    """Shapes by line and name, the first and the last of each.

    ``equal`` has groups of axes that may have the same size in the call.

    Raises
    ------
    LookupError
        If the module defines no function or class of that name.
    ValueError
        If the call raises, runs no line of the definition, or contradicts what the
        source says about shapes.
    """
    recorder, names = woven(file, module, name)
    recorder.active = True
    evaluate(call, names, file)
    recorder.active = False
    recorder.distinguish(equal)
    if recorder.problems:
        raise ValueError("\n".join(recorder.problems))
    if not recorder.touched:
        why = "a generator runs when it is consumed, as by list(...)"
        raise ValueError(f"the sample call runs no line of {name}; {why}")
    if not recorder.lines:
        raise ValueError(f"no line of {name} binds a tensor or an array")
    return recorder.result()
