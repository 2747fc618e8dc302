"""Agreement with code that we did not write: compared, and kept for the page.

A test compares through the fixture ``agrees``::

    def test_agrees_with_fused_kernel(agrees):
        agrees(attention(q, k, v), sdpa(q, k, v), "torch.nn.functional.sdpa")

It raises on disagreement as ``assert_close`` does, and notes what was compared. With
``PORTAL_AGREEMENTS`` naming a file, the notes of the run are written there.
"""

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from portal.worker.versions import installed


@dataclass(frozen=True)
class Agreement:
    """One comparison: with what, in which version, on which input, how close."""

    reference: str
    version: str
    dtype: str
    shape: tuple[int, ...]
    error: float  # the largest absolute difference
    test: str


def as_array(value: Any) -> np.ndarray:
    """Tensors, arrays, numbers and sequences of numbers as one array."""
    if hasattr(value, "detach"):
        value = value.detach().cpu().double() if value.is_floating_point() else value
    return np.asarray(value)


def compare(ours: Any, theirs: Any, rtol: float, atol: float) -> float:
    """The largest absolute difference.

    Raises
    ------
    AssertionError
        If shapes differ, or an element differs by more than the tolerance; the message
        names the worst element.
    """
    first, second = as_array(ours), as_array(theirs)
    if first.shape != second.shape:
        raise AssertionError(f"shapes differ: {first.shape} and {second.shape}")
    if first.size == 0:
        raise AssertionError("nothing was compared: both are empty")
    with np.errstate(invalid="ignore"):
        gap = np.abs(first.astype(float) - second.astype(float))
        excess = gap - atol - rtol * np.abs(second)
    equal = (first == second) | (np.isnan(first) & np.isnan(second))
    excess = np.where(equal, -np.inf, np.where(np.isnan(excess), np.inf, excess))
    worst = np.unravel_index(np.argmax(excess), excess.shape)
    if excess[worst] > 0:
        place = tuple(int(i) for i in worst)
        raise AssertionError(
            f"element {place} differs most: ours {first[worst]}, theirs "
            f"{second[worst]} (rtol={rtol}, atol={atol})"
        )
    return float(np.where(equal, 0, gap).max())


TOLERANCES = {"float64": (1e-7, 1e-7), "float32": (1.3e-6, 1e-5)}  # torch.testing's


class Agreements:
    """What the tests of one run compared."""

    def __init__(self) -> None:
        self.made: list[Agreement] = []

    def note(
        self,
        test: str,
        ours: Any,
        theirs: Any,
        reference: str,
        rtol: float | None,
        atol: float | None,
    ) -> None:
        dtype = str(getattr(ours, "dtype", "float64")).removeprefix("torch.")
        tolerances = TOLERANCES.get(dtype, (0.0, 0.0))
        rtol = tolerances[0] if rtol is None else rtol
        atol = tolerances[1] if atol is None else atol
        error = compare(ours, theirs, rtol, atol)
        package = reference.split(".")[0]
        version = installed(package) if "." in reference else ""
        shape = as_array(ours).shape
        self.made.append(Agreement(reference, version, dtype, shape, error, test))

    def write(self) -> None:
        if file := os.environ.get("PORTAL_AGREEMENTS"):
            notes = [asdict(agreement) for agreement in self.made]
            Path(file).write_text(json.dumps(notes, indent=1))
