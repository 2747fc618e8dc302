"""The functions of ``widgets/``, run by QuickJS."""

from collections.abc import Callable
from pathlib import Path

import pytest

from portal.article.widget_module import WidgetModule


@pytest.fixture
def module(root: Path) -> Callable[[str], WidgetModule]:
    """Runs a module by its name."""
    return lambda name: WidgetModule(root / f"widgets/{name}.js")
