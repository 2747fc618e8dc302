"""The event loop of asyncio on a simulated clock, and a call that blocks it.

Event loop: PEP 3156, https://peps.python.org/pep-3156/. Only the clock and the waiting
of asyncio's loop are replaced.

Symbols::

    b    block(b)           seconds in which the loop's thread does nothing else
    w    asyncio.sleep(w)   seconds in which the loop may run other tasks
"""

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any

LATEST = 2.0**22  # s, 48 days; far beyond it a float cannot tell nanoseconds apart


class JumpingSelector(selectors.DefaultSelector):
    """Never waits: adds the time that it was asked to wait to ``now``."""

    now = 0.0

    def select(self, timeout: float | int | None = None) -> list[Any]:
        """What is ready. ``timeout`` is None if the loop has no timer."""
        events = super().select(0)
        if not events and timeout is None:
            raise RuntimeError("deadlock: each task waits, and no timer is set")
        if not events:
            self.now += max(timeout, 0)
        if self.now > LATEST:
            raise ValueError(f"the clock is past {LATEST}: {self.now} s")
        return events


class SimulatedLoop(asyncio.SelectorEventLoop):
    """The event loop of asyncio, on a clock that jumps to the next timer.

    It never waits for sockets, and refuses work for other threads.
    """

    def __init__(self) -> None:
        self.selector = JumpingSelector()
        super().__init__(self.selector)

    def time(self) -> float:
        """Simulated seconds since the loop was made."""
        return self.selector.now

    def run_in_executor(self, executor: Any, func: Any, *args: Any) -> Any:
        """Refused: this clock could jump before a thread is done.

        Raises
        ------
        ValueError
            Always.
        """
        raise ValueError(f"a simulated clock does not wait for threads: {func}")


def run(
    main: Coroutine[Any, Any, Any],
    loop_factory: Callable[[], asyncio.AbstractEventLoop] | None = None,
) -> Any:
    """Like ``asyncio.run``, but also works in a notebook, whose loop runs already.

    The new loop gets a thread of its own.
    """

    def call() -> Any:
        with asyncio.Runner(loop_factory=loop_factory) as runner:
            return runner.run(main)

    with ThreadPoolExecutor(1) as pool:
        return pool.submit(call).result()


def simulate(main: Coroutine[Any, Any, Any]) -> Any:
    """The result of a coroutine on a simulated clock that starts at 0.

    Examples
    --------
    >>> async def wait_an_hour():
    ...     await asyncio.sleep(3600)
    ...     return asyncio.get_running_loop().time()
    >>> simulate(wait_an_hour())
    3600.0
    """
    return run(main, SimulatedLoop)


def block(seconds: float) -> None:
    """Stands for a call that holds the thread of the loop, such as ``time.sleep``.

    Raises
    ------
    ValueError
        If ``seconds`` is negative or not finite, or if the loop has a real clock.
    """
    if not 0 <= seconds < float("inf"):
        raise ValueError(f"cannot block for {seconds=}")
    loop = asyncio.get_running_loop()
    if not isinstance(loop, SimulatedLoop):
        raise ValueError(f"the clock of {loop!r} is not simulated")
    loop.selector.now += seconds
