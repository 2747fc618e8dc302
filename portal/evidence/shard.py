"""A share of the evidence, for one of several jobs that fill one store.

``python -m portal evidence --shard 1/3`` makes what is missing of the first of three
shares and builds no page. All jobs divide all the work, also what is not missing, by
the times that the last whole build recorded. So the shares stay the same whichever job
starts or ends first, and together they are everything.
"""

import re
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from portal.evidence.work import Work


def parsed(shard: str) -> tuple[int, int]:
    """Which share, of how many.

    >>> parsed("1/3")
    (1, 3)

    Raises
    ------
    ValueError
        If it is not ``k/n`` with ``k`` from 1 to ``n``.
    """
    match = re.fullmatch(r"(\d+)/(\d+)", shard)
    if not match or not 1 <= int(match[1]) <= int(match[2]):
        raise ValueError(f"write a shard as k/n, such as 1/3, not {shard!r}")
    return int(match[1]), int(match[2])


def share(wanted: list[Work], seconds: dict[str, float], shard: str) -> list[Work]:
    """The work of one share: each next longest task goes where there is least.

    A task that never ran counts as the median of the others.
    """
    number, count = parsed(shard)
    usual = statistics.median(seconds.values()) if seconds else 1.0
    cost = {work.name: seconds.get(work.name, usual) for work in wanted}
    loads, shares = [0.0] * count, [[] for _ in range(count)]
    for work in sorted(wanted, key=lambda work: (-cost[work.name], work.name)):
        least = loads.index(min(loads))
        loads[least] += cost[work.name]
        shares[least].append(work)
    return shares[number - 1]


def make(shard: str, root: Path) -> int:
    """Make the share of the site in ``root``; returns the exit status.

    Sphinx starts for the settings of its extensions, and ends before it reads a page.
    """
    parsed(shard)
    with tempfile.TemporaryDirectory() as name:
        command = [sys.executable, "-m", "sphinx", "-b", "dummy", "-c", str(root)]
        command += ["-D", f"evidence_shard={shard}", str(root / "docs"), name]
        return subprocess.run(command, check=False).returncode
