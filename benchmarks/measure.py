"""Run a command as ``time`` does, and account for all processes that it leaves.

Run as a program of its own, it becomes the parent of every orphan of the command (the
server from which a pool forks outlives the build), so that the CPU time of all of them
is counted. Memory is the largest sum of the proportional set sizes of the processes of
the command's session, looked at four times a second; pages that processes share count
once. Both need Linux.
"""

import ctypes
import json
import os
import subprocess
import sys
import threading
import time
from dataclasses import asdict, dataclass
from pathlib import Path

PR_SET_CHILD_SUBREAPER = 36
INTERVAL = 0.25  # seconds between two looks at the memory


@dataclass(frozen=True)
class Cost:
    """What a command took: seconds, CPU seconds, and the peak of its memory in MB.

    ``others`` is the number of cores that the rest of the machine kept busy meanwhile.
    """

    wall: float
    cpu: float
    memory: float
    status: int
    others: float = float("nan")


def session_memory(session: int) -> int:
    """Kilobytes that the processes of a session hold now."""
    total = 0
    for process in Path("/proc").glob("[0-9]*"):
        try:
            stat = (process / "stat").read_text().rpartition(")")[2].split()
            if int(stat[3]) == session:
                rollup = (process / "smaps_rollup").read_text()
                total += int(rollup.partition("Pss:")[2].split()[0])
        except (OSError, IndexError):
            continue  # it has ended
    return total


def busy_seconds() -> float:
    """CPU seconds of the whole machine since it started."""
    user, nice, system, _, _, *interrupts = map(
        int, Path("/proc/stat").read_text().split()[1:9]
    )
    return (user + nice + system + sum(interrupts)) / os.sysconf("SC_CLK_TCK")


def watch(session: int, ended: threading.Event, peak: list[int]) -> None:
    while not ended.wait(INTERVAL):
        peak[0] = max(peak[0], session_memory(session))


def wait_for_all(first: int, start: float) -> tuple[float, float, int]:
    """Seconds until ``first`` ended, CPU seconds of all children, its status."""
    wall, cpu, status = 0.0, 0.0, 0
    while True:
        try:
            pid, code, usage = os.wait4(-1, 0)
        except ChildProcessError:
            return wall, cpu, status
        cpu += usage.ru_utime + usage.ru_stime
        if pid == first:
            wall = time.perf_counter() - start
            status = os.waitstatus_to_exitcode(code)


def account(command: list[str]) -> Cost:
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    ended, peak = threading.Event(), [0]
    busy, start = busy_seconds(), time.perf_counter()
    child = subprocess.Popen(command, start_new_session=True)
    watcher = threading.Thread(target=watch, args=(child.pid, ended, peak))
    watcher.start()
    wall, cpu, status = wait_for_all(child.pid, start)
    child.returncode = status  # so that it is not waited for again
    ended.set()
    watcher.join()
    others = (busy_seconds() - busy - cpu) / wall
    return Cost(wall, cpu, peak[0] / 1024, status, others)


def measure(command: list[str], environment: dict[str, str], folder: Path) -> Cost:
    """What ``command`` takes in ``folder``; its output goes to ``folder/output``.

    Raises
    ------
    RuntimeError
        If the command fails.
    """
    result, output = folder / "cost.json", folder / "output"
    program = [sys.executable, __file__, str(result), *command]
    with output.open("w") as log:
        streams = {"stdout": log, "stderr": log}
        subprocess.run(program, cwd=folder, env=environment, check=True, **streams)
    cost = Cost(**json.loads(result.read_text()))
    if cost.status:
        raise RuntimeError(f"the build failed:\n{output.read_text()[-3000:]}")
    return cost


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(json.dumps(asdict(account(sys.argv[2:]))))
