"""The fixture ``agrees``: against NumPy's and torch's own comparisons."""

import json
import subprocess
import sys

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from torch.testing import assert_close

from portal.worker.compare import Agreements, compare


@pytest.mark.parametrize("gap", [0, 1e-9, 9e-8, 3e-7, 1e-3])
def test_refuses_what_torch_refuses(agrees, gap):
    ours = torch.tensor([1.0, 2.0, 3.0], dtype=torch.float64)
    theirs = ours + torch.tensor([0, gap, 0])

    def accepts(comparison):
        try:
            comparison()
        except AssertionError:
            return False
        return True

    assert accepts(lambda: agrees(ours, theirs, "torch.x")) == accepts(
        lambda: assert_close(ours, theirs, rtol=1e-7, atol=1e-7)
    )


def test_largest_error():
    ours, theirs = (
        np.array([[1.0, 2.0], [3.0, 4.5]]),
        np.array([[1.0, 2.5], [3.0, 4.0]]),
    )
    assert_allclose(compare(ours, theirs + 1e-12, 1, 0), 0.5)


def test_worst_element_is_named():
    with pytest.raises(AssertionError, match=r"\(1, 0\) differs most: ours 3.0"):
        compare([[1.0, 2.0], [3.0, 4.0]], [[1.0, 2.1], [5.0, 4.0]], 1e-7, 0)


@pytest.mark.parametrize(
    ("ours", "theirs", "cause"),
    [
        ([1.0], [[1.0]], "shapes differ"),
        ([], [], "nothing was compared"),
        ([np.nan], [1.0], "differs most"),
        ([1.0], [np.nan], "differs most"),
        ([np.inf], [1.0], "differs most"),
        ([np.inf], [-np.inf], "differs most"),
    ],
)
def test_what_never_agrees(ours, theirs, cause):
    with pytest.raises(AssertionError, match=cause):
        compare(ours, theirs, 1, 1)


def test_equal_infinities_and_missing_values_agree():
    assert compare([np.inf, np.nan], [np.inf, np.nan], 0, 0) == 0


def test_note_says_with_what_and_on_what():
    notes = Agreements()
    ours = torch.ones(2, 3, requires_grad=True)
    notes.note("test", ours, np.ones((2, 3)), "numpy.ones", None, None)
    (note,) = notes.made
    assert note.version == np.__version__
    assert (note.dtype, note.shape, note.error) == ("float32", (2, 3), 0)


def test_notes_of_a_run_are_written(tmp_path, root):
    test = tmp_path / "test_x.py"
    test.write_text("def test_x(agrees):\n    agrees([1.0], [1.0], 'definition')\n")
    options = ["-q", "-p", "portal.worker.plugin", "-p", "no:cacheprovider", str(test)]
    code = f"import sys, pytest; sys.exit(pytest.main({options!r}))"
    environment = {"PORTAL_AGREEMENTS": str(tmp_path / "notes.json"), "PATH": ""}
    subprocess.run([sys.executable, "-c", code], cwd=root, env=environment, check=True)
    (note,) = json.loads((tmp_path / "notes.json").read_text())
    assert note["reference"] == "definition"
    assert note["test"].endswith("test_x.py::test_x")
