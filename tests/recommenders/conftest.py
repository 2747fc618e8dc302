"""Random scores of users, and marks of what they have seen and want."""

from collections.abc import Callable

import numpy as np
import pytest

Drawn = tuple[np.ndarray, np.ndarray, np.ndarray]


@pytest.fixture
def draw() -> Callable[[int, int, float], Drawn]:
    """Scores, seen items, and relevant ones: at least one, none of them seen."""

    def draw(users: int, items: int, share: float) -> Drawn:
        rng = np.random.default_rng(0)
        scores = rng.normal(size=(users, items))
        seen = rng.random((users, items)) < 0.3
        relevant = ~seen & (rng.random((users, items)) < share)
        relevant[np.arange(users), (~seen).argmax(axis=1)] = True
        return scores, seen, relevant

    return draw
