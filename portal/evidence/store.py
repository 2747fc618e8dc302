"""Results on disk, one folder per fingerprint, moved into place in one rename.

::

    build/evidence/<fingerprint>/manifest.json   inputs, seconds, digest of each file,
                                                 CPU seconds, of parts and of all
    build/evidence/<fingerprint>/files/...       what the task produced

An entry is whole or absent. One whose files no longer have the recorded digests is
dropped when it is asked for, and so made again.
"""

import contextlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from portal.evidence import lock
from portal.evidence.inputs import Inputs, digest, fingerprint


class Unavailable(Exception):
    """Something around the site that evidence needs is missing, such as disk space."""


@contextlib.contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Tell what to do when nothing can be written to ``folder``.

    Raises
    ------
    Unavailable
        In place of the ``OSError``.
    """
    try:
        yield
    except OSError as error:
        raise Unavailable(
            f"evidence cannot be written to {folder}: {error.strerror or error}. Free "
            "space there, make the folder writable, or put a link to another in its "
            "place; what was stored before is untouched"
        ) from error


@dataclass(frozen=True)
class Entry:
    """One stored result."""

    folder: Path
    task: str
    inputs: Inputs
    seconds: float
    digests: dict[str, str]
    cpu: dict[str, float] = field(default_factory=dict)

    @property
    def manifest(self) -> Path:
        return self.folder / "manifest.json"

    @property
    def files(self) -> Path:
        return self.folder / "files"

    @property
    def used(self) -> int:
        """When a build used the entry last, in nanoseconds; see ``recency``."""
        return self.manifest.stat().st_mtime_ns

    def is_intact(self) -> bool:
        try:
            return all(
                digest((self.files / name).read_bytes()) == expected
                for name, expected in self.digests.items()
            )
        except OSError:
            return False

    def copy_to(self, target: Path) -> None:
        """Write the files below ``target``; those already there stay untouched.

        Copies are as old as the result, so that one made again is not taken for new.
        """
        for name, expected in self.digests.items():
            file = target / name
            if file.is_file() and digest(file.read_bytes()) == expected:
                continue
            file.parent.mkdir(parents=True, exist_ok=True)
            part = file.with_name(f".{file.name}.part")
            shutil.copy2(self.files / name, part)
            os.replace(part, file)


class Store:
    """The entries below one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @contextlib.contextmanager
    def lock(self) -> Iterator[None]:
        """Held by the one build that may write here; the system frees it.

        The folder may be a link, also to one that is yet to be made.
        """
        self.folder.resolve().mkdir(parents=True, exist_ok=True)
        held = lock.acquire(self.folder / ".lock", "to finish its evidence")
        try:
            yield
        finally:
            held.release()

    def get(self, inputs: Inputs) -> Entry | None:
        entry = self._read(self.folder / fingerprint(inputs))
        if entry is None or entry.is_intact():
            return entry
        shutil.rmtree(entry.folder)
        return None

    def scratch(self) -> Path:
        """A new folder, on the same file system as the entries."""
        self.folder.mkdir(parents=True, exist_ok=True)
        return Path(tempfile.mkdtemp(prefix=".scratch-", dir=self.folder))

    def put(
        self,
        scratch: Path,
        task: str,
        inputs: Inputs,
        seconds: float,
        cpu: dict[str, float] | None = None,
    ) -> Entry:
        """Make an entry of ``scratch/files`` in one rename."""
        files = scratch / "files"
        digests = {
            path.relative_to(files).as_posix(): digest(path.read_bytes())
            for path in sorted(files.rglob("*"))
            if path.is_file()
        }
        manifest = {
            "task": task,
            "inputs": inputs,
            "seconds": seconds,
            "digests": digests,
            "cpu": cpu or {},
        }
        (scratch / "manifest.json").write_text(json.dumps(manifest, indent=1))
        folder = self.folder / fingerprint(inputs)
        shutil.rmtree(folder, ignore_errors=True)
        scratch.rename(folder)
        return Entry(folder, **manifest)

    def entries(self) -> list[Entry]:
        """All entries, the one that was used last at the end."""
        entries = [self._read(folder) for folder in self.folder.glob("[!.]*")]
        return sorted(filter(None, entries), key=lambda entry: entry.used)

    def latest(self, task: str) -> Entry | None:
        """The result of a task that was used last."""
        own = [entry for entry in self.entries() if entry.task == task]
        return own[-1] if own else None

    def seconds(self) -> dict[str, float]:
        """Seconds that each task took when it ran last."""
        return {entry.task: entry.seconds for entry in self.entries()}

    def times(self) -> dict[str, float]:
        """Seconds of each task as the last whole build recorded them."""
        try:
            return json.loads(self.record.read_text())
        except (OSError, ValueError):
            return {}

    def keep_times(self, seconds: dict[str, float]) -> None:
        if seconds != self.times():  # also a full disk can be read
            part = self.record.with_suffix(".part")
            part.write_text(json.dumps(seconds))
            os.replace(part, self.record)

    @property
    def record(self) -> Path:
        return self.folder / ".times.json"

    def sweep(self) -> None:
        """Remove what killed builds left half-made."""
        for folder in self.folder.glob(".scratch-*"):
            shutil.rmtree(folder, ignore_errors=True)

    def _read(self, folder: Path) -> Entry | None:
        try:
            manifest = json.loads((folder / "manifest.json").read_text())
            return Entry(folder, **manifest)
        except (OSError, ValueError, TypeError):
            return None
