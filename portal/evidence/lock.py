"""One build of a site at a time: a second one waits until the first has ended.

They share ``docs/gallery`` and, mostly, doctrees and output. The lock is taken before
anything is read and held until all is written; the system frees it when the process
ends otherwise. The mark of a whole site goes as soon as the next build has its turn.
"""

from pathlib import Path

from filelock import FileLock, Timeout
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.errors import ExtensionError
from sphinx.util import logging

from portal.order import Configured, Finished

logger = logging.getLogger(__name__)


def acquire(file: Path, what: str) -> FileLock:
    """Take a lock; say for ``what`` one waits if another build holds it."""
    lock = FileLock(file, is_singleton=True)
    try:
        lock.acquire(blocking=False)
    except Timeout:
        logger.info("waiting for another build %s...", what)
        lock.acquire()
    return lock


def take(app: Sphinx, config: Config) -> None:
    """Wait for one's turn."""
    folder = Path(app.confdir, "build")
    try:
        folder.mkdir(exist_ok=True)
        lock = acquire(folder / ".turn", "of this site to end")
    except OSError as error:
        raise ExtensionError(f"{folder} is not writable: {error.strerror}") from error
    Path(app.outdir, ".complete").unlink(missing_ok=True)
    app.connect("build-finished", lambda *_: lock.release(), priority=Finished.LOCK)


def setup(app: Sphinx) -> None:
    app.connect("config-inited", take, priority=Configured.LOCK)
