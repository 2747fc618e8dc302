"""What every task does before code of a page runs in its process."""

import os
import sys
from pathlib import Path

from portal.worker.source_tree import protect
from portal.worker.variables import VARIABLES


def enter(root: Path, folder: Path) -> None:
    """Run as code of the checkout in ``root`` that may write to ``folder`` alone."""
    os.environ.update(VARIABLES)
    sys.path.insert(0, str(root))
    protect(root, folder)
