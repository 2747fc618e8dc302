"""What a script leaves in ``measured`` is kept as plain numbers."""

import json

import numpy as np
import pytest
import torch

from portal.worker.measured import keep


@pytest.mark.parametrize("value", ["x", np.zeros(2), torch.zeros(1), None])
def test_what_is_not_a_number_is_refused(value):
    with pytest.raises(TypeError, match="may hold only numbers"):
        keep((), {"example_globals": {"measured": {"a": value, "b": 1}}}, {})


def test_scalars_of_numpy_and_torch_are_numbers(tmp_path):
    values = {"a": np.float32(0.5), "b": torch.tensor(2), "c": np.array(1.5), "d": 3}
    variables = {"example_globals": {"measured": values}}
    keep((), {**variables, "target_file": str(tmp_path / "plot_a.py")}, {})
    kept = json.loads((tmp_path / "plot_a.measured.json").read_text())
    assert kept == {"a": 0.5, "b": 2, "c": 1.5, "d": 3}
