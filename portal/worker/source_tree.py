"""Code of a page writes nothing into the checkout: it would be left there, in silence.

Checked where Python opens, makes, renames or removes a file. Hidden files and folders
are left out, since they are caches, and so are compiled modules.
"""

import os
import sys
from pathlib import Path
from tempfile import gettempdir

WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
CHANGES = {"os.mkdir": 0, "os.remove": 0, "os.rename": 1, "sqlite3.connect": 0}


def written(event: str, arguments: tuple) -> object:
    """What an event of Python's audit writes to; nothing if it only reads."""
    if event == "open":
        path, _, flags = arguments
        return path if flags & WRITING else None
    return arguments[CHANGES[event]] if event in CHANGES else None


def is_source(path: Path, root: Path) -> bool:
    """Whether a file of the checkout in ``root`` is one that its authors write.

    >>> root = Path("/site")
    >>> files = "/site/docs/a.png", "/site/.venv/x", "/site/a/__pycache__/b.pyc", "/tmp"
    >>> [is_source(Path(file), root) for file in files]
    [True, False, False, False]
    """
    if not path.is_relative_to(root):
        return False
    parts = path.relative_to(root).parts
    return not any(part.startswith(".") or part == "__pycache__" for part in parts)


def protect(root: Path, folder: Path) -> None:
    """From now on, refuse what this process writes below ``root``, but in ``folder``.

    A write raises ``PermissionError``, at the line that asked for it.
    """
    root, folder = root.resolve(), folder.resolve()

    def refuse(event: str, arguments: tuple) -> None:
        target = written(event, arguments)
        if not isinstance(target, str | bytes | os.PathLike):
            return
        path = Path(os.path.realpath(os.fsdecode(target)))
        if is_source(path, root) and not path.is_relative_to(folder):
            raise PermissionError(
                f"code of a page may not write into the checkout: {path}; write to a "
                f"temporary folder (tempfile.TemporaryDirectory, in {gettempdir()})"
            )

    sys.addaudithook(refuse)
