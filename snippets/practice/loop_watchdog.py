"""Finds the line that blocks an event loop, on the real clock.

Stacks of all threads: https://docs.python.org/3/library/faulthandler.html.
"""

import asyncio
import faulthandler
import re
import tempfile
import threading
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import NamedTuple


class Frame(NamedTuple):
    """A place in the code."""

    file: str
    line: int
    function: str


@asynccontextmanager
async def watchdog(threshold: float = 0.05) -> AsyncIterator[list[list[Frame]]]:
    """Where the loop's thread was each time it did not come back for ``threshold``.

    The list has the frames of each stall, innermost first. A stall is there while it
    lasts, for other threads to see. The threshold is in real seconds.

    Raises
    ------
    ValueError
        If ``threshold`` is not positive and finite.
    """
    if not 0 < threshold < float("inf"):
        raise ValueError(f"{threshold=} is not positive and finite")
    stalls, stop, loop = [], threading.Event(), asyncio.get_running_loop()
    pool, thread = ThreadPoolExecutor(1), threading.get_ident()
    watching = loop.run_in_executor(pool, watch, loop, thread, threshold, stalls, stop)
    try:
        yield stalls
    finally:
        stop.set()
        pool.shutdown(wait=False)
        await watching


def watch(
    loop: asyncio.AbstractEventLoop,
    thread: int,
    threshold: float,
    stalls: list[list[Frame]],
    stop: threading.Event,
) -> None:
    """In another thread: asks the loop for a sign of life, again and again."""
    while not stop.is_set():
        alive = threading.Event()
        loop.call_soon_threadsafe(alive.set)
        if not alive.wait(threshold):
            stalls += stacks(report(), thread)
            alive.wait()
        stop.wait(threshold / 4)


def report() -> str:
    """The frames of up to 100 threads, the newest thread first."""
    with tempfile.TemporaryFile("w+") as file:
        faulthandler.dump_traceback(file)
        file.seek(0)
        return file.read()


def stacks(reports: str, thread: int) -> list[list[Frame]]:
    """The frames of one thread in each report of ``faulthandler``."""
    found = []
    for part in re.split(r"(?m)^(?=Thread|Current thread)", reports):
        head = re.match(r"(?:Current t|T)hread 0x([0-9a-f]+)", part)
        if head and int(head[1], 16) == thread:
            frames = re.findall(r'File "(.*)", line (\d+) in (.*)', part)
            found.append([Frame(f, int(line), name) for f, line, name in frames])
    return found
