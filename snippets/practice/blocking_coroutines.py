"""How late an event loop is, a limit on calls, and a queue with back-pressure.

Coroutines: PEP 492, https://peps.python.org/pep-0492/. Advice: "Developing with
asyncio", https://docs.python.org/3/library/asyncio-dev.html.

Symbols::

    D    lags     seconds between the due time of a callback and its start
    k    limit    calls that may run at once
"""

import asyncio
from collections.abc import AsyncIterable, Awaitable, Callable, Iterable
from typing import Any


async def lags(period: float, beats: int) -> list[float]:
    """How many seconds late the loop runs callbacks that are due at regular times.

    Parameters
    ----------
    period
        Seconds between two due times. A late beat does not move the later ones.

    Raises
    ------
    ValueError
        If ``period`` is not positive and finite, or ``beats`` is below 1.
    """
    if not (0 < period < float("inf") and beats >= 1):
        raise ValueError(f"no {beats=} with {period=}")
    loop = asyncio.get_running_loop()
    start, late, done = loop.time(), [], asyncio.Event()

    def beat(due: float) -> None:
        late.append(loop.time() - due)
        if len(late) == beats:
            done.set()

    for number in range(1, beats + 1):
        due = start + period * number
        loop.call_at(due, beat, due)
    await done.wait()
    return late


async def bounded_map(
    function: Callable[[Any], Awaitable[Any]], items: Iterable[Any], limit: int
) -> list[Any]:
    """Results of ``function`` in the order of ``items``; at most ``limit`` run at once.

    Raises
    ------
    ValueError
        If ``limit`` is below 1: no call could ever start.

    Examples
    --------
    >>> from snippets.practice.simulated_loop import simulate
    >>> async def double(x):
    ...     await asyncio.sleep(1 / x)
    ...     return 2 * x
    >>> simulate(bounded_map(double, [1, 2, 4], limit=2))
    [2, 4, 8]
    """
    if limit < 1:
        raise ValueError(f"{limit=} is below 1")
    gate = asyncio.Semaphore(limit)

    async def call(item: Any) -> Any:
        async with gate:
            return await function(item)

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(call(item)) for item in items]
    return [task.result() for task in tasks]


async def process(
    source: AsyncIterable[Any],
    handle: Callable[[Any], Awaitable[Any]],
    workers: int,
    maxsize: int,
) -> None:
    """Gives each item to one of the workers, through a queue with back-pressure.

    While an item waits for room in the queue, the source is not asked for another.

    Raises
    ------
    ValueError
        If ``workers`` or ``maxsize`` is below 1. (``asyncio.Queue(0)`` has no limit.)
    """
    if workers < 1 or maxsize < 1:
        raise ValueError(f"{workers=} and {maxsize=} must be at least 1")
    queue, end = asyncio.Queue(maxsize), object()

    async def work() -> None:
        while (item := await queue.get()) is not end:
            await handle(item)

    async with asyncio.TaskGroup() as group:
        for _ in range(workers):
            group.create_task(work())
        async for item in source:
            await queue.put(item)
        for _ in range(workers):
            await queue.put(end)
