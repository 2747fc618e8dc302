"""When entries were used last, and removal of the longest unused above a limit.

The time of use is that of an entry's manifest. It orders builds even if the clock is
set back or was once ahead: a build's stamp is the time of day or, if that is not later,
one second after the newest stamp in the store.
"""

import os
import shutil
import time
from collections.abc import Iterable

from portal.evidence.store import Entry, Store, Unavailable

GB = 10**9


def limit() -> int:
    """Bytes that the store may take: ``PORTAL_EVIDENCE_LIMIT`` in GB.

    Raises
    ------
    Unavailable
        If that is no number.
    """
    text = os.environ.get("PORTAL_EVIDENCE_LIMIT", "5")
    try:
        return int(float(text) * GB)
    except ValueError as error:
        message = f"PORTAL_EVIDENCE_LIMIT must be a number of gigabytes, not {text!r}"
        raise Unavailable(message) from error


def mark(used: Iterable[Entry], store: Store) -> None:
    """Note that one build used these entries, and that it is the newest build."""
    newest = max((entry.used for entry in store.entries()), default=0)
    stamp = max(time.time_ns(), newest + 10**9)
    for entry in used:
        os.utime(entry.manifest, ns=(stamp, stamp))


def size(entry: Entry) -> int:
    """Bytes of all files of an entry."""
    files = [path for path in entry.folder.rglob("*") if path.is_file()]
    return sum(path.stat().st_size for path in files)


def evict(used: Iterable[Entry], store: Store, allowed: int) -> None:
    """Remove the longest unused until ``allowed`` bytes are left, or only ``used``."""
    kept = {entry.folder for entry in used}
    sizes = {entry.folder: size(entry) for entry in store.entries()}
    excess = sum(sizes.values()) - allowed
    for folder, taken in sizes.items():
        if excess > 0 and folder not in kept:
            shutil.rmtree(folder)
            excess -= taken
