"""The pytest plugin: doctests and tests that give the same result on each run.

Loaded through ``-p portal.worker.plugin`` in ``pyproject.toml``, so that ``pytest
--doctest-glob='*.rst'`` and plain ``pytest`` share it. One thread, a fixed seed, fixed
print options, no network.
"""

import os
from collections.abc import Callable
from typing import Any

import pytest

from portal.worker import network, variables
from portal.worker.compare import Agreements

os.environ.update(variables.VARIABLES)

AGREEMENTS = pytest.StashKey[Agreements]()


def pytest_configure(config: pytest.Config) -> None:
    network.refuse()
    config.stash[AGREEMENTS] = Agreements()


def pytest_sessionfinish(session: pytest.Session) -> None:
    session.config.stash[AGREEMENTS].write()


@pytest.fixture(autouse=True)
def deterministic() -> None:
    import numpy as np
    import torch

    torch.set_num_threads(1)
    torch.manual_seed(0)
    torch.set_default_dtype(torch.float32)
    torch.set_printoptions(profile="default")
    np.set_printoptions(legacy=False, precision=8, suppress=False, threshold=1000)


@pytest.fixture
def agrees(request: pytest.FixtureRequest) -> Callable[..., None]:
    """Compares ours with theirs, raises on disagreement, keeps a note for the page.

    ``reference`` is the dotted name of what computed ``theirs``; without a dot, a few
    words such as ``definition as loops``. Tolerances are those of ``torch.testing``.
    """

    def agrees(
        ours: Any,
        theirs: Any,
        reference: str,
        rtol: float | None = None,
        atol: float | None = None,
    ) -> None:
        __tracebackhide__ = True
        notes = request.config.stash[AGREEMENTS]
        notes.note(request.node.nodeid, ours, theirs, reference, rtol, atol)

    return agrees
