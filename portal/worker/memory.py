"""A limit on what a task may allocate beyond what its server process had.

The system counts private writable memory (``RLIMIT_DATA``), not address space, which
torch reserves far more of than it uses. Where it tells no process its own count, which
is so outside Linux, there is no limit.
"""

import re
from pathlib import Path

STATUS = Path("/proc/self/status")
REFUSED = re.compile(
    r"MemoryError|bad_alloc|can't allocate memory|Cannot allocate memory"
)


def limit(gib: float) -> None:
    """Refuse this process, from now on, more than ``gib`` on top of what it has."""
    if STATUS.is_file():
        import resource

        used = int(re.search(r"VmData:\s+(\d+) kB", STATUS.read_text())[1]) * 1024
        _, hard = resource.getrlimit(resource.RLIMIT_DATA)
        resource.setrlimit(resource.RLIMIT_DATA, (used + int(gib * 2**30), hard))


def is_exhausted(output: str) -> bool:
    """Whether a process that ended with ``output`` was refused memory.

    >>> is_exhausted("RuntimeError: [...] DefaultCPUAllocator: can't allocate memory")
    True
    """
    return bool(REFUSED.search(output))


def exceeded(gib: float) -> str:
    """What a task is reported for that was refused memory."""
    return f"out of memory: its limit is {gib:g} GiB"
