"""The pytest plugin: doctests and tests that give the same result on each run.

Loaded through ``-p portal.testing`` in ``pyproject.toml``, so that ``pytest
--doctest-glob='*.rst'`` and plain ``pytest`` share it. One thread, a fixed seed, fixed
print options, no network.
"""

import os

import pytest

from portal import network

os.environ.update(OMP_NUM_THREADS="1", HF_HUB_OFFLINE="1", MPLBACKEND="agg")


def pytest_configure() -> None:
    network.refuse()


@pytest.fixture(autouse=True)
def deterministic() -> None:
    import numpy as np
    import torch

    torch.set_num_threads(1)
    torch.manual_seed(0)
    torch.set_default_dtype(torch.float32)
    torch.set_printoptions(profile="default")
    np.set_printoptions(legacy=False, precision=8, suppress=False, threshold=1000)
