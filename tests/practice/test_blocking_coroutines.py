"""Times on the simulated clock against simpy and AnyIO. No wall-clock time is asserted.

simpy is a simulator of discrete events that shares no code with asyncio.
"""

import asyncio
import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import anyio
import anyio.from_thread
import anyio.to_thread
import pytest
import simpy
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from snippets.practice.blocking_coroutines import bounded_map, lags, process
from snippets.practice.loop_watchdog import Frame, stacks, watchdog
from snippets.practice.simulated_loop import SimulatedLoop, block, run, simulate


def now():
    return asyncio.get_running_loop().time()


def random_seconds(*size, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(*size, generator=generator, dtype=torch.float64).tolist()


async def measured_map(seconds, limit):
    """Start and end of each call, from ``bounded_map``."""

    async def call(wait):
        start = now()
        await asyncio.sleep(wait)
        return start, now()

    return await bounded_map(call, seconds, limit)


async def numbers(waits):
    """A source that takes some time for each item."""
    for i, wait in enumerate(waits):
        await asyncio.sleep(wait)
        yield i


# The loop and its lag, against a queue with one server


async def measured_lags(period, beats, jobs):
    """Lags while other callbacks block: due times and lengths."""
    loop = asyncio.get_running_loop()
    for due, length in jobs:
        loop.call_at(due, block, length)
    return await lags(period, beats)


def simpy_lags(period, beats, jobs):
    """The thread of the loop is a resource that one callback has at a time."""
    env, late = simpy.Environment(), []
    thread = simpy.Resource(env)

    def callback(due, length):
        yield env.timeout(due)
        with thread.request() as request:
            yield request
            if length is None:
                late.append(env.now - due)
            else:
                yield env.timeout(length)

    for due, length in [*jobs, *((period * (i + 1), None) for i in range(beats))]:
        env.process(callback(due, length))
    env.run()
    return late


@pytest.mark.parametrize("seed", range(4))
def test_lags_are_those_of_a_queue_with_one_server(agrees, seed):
    dues, lengths = random_seconds(2, 7, seed=seed)
    jobs = [(3 * due, length / 2) for due, length in zip(dues, lengths, strict=True)]
    ours = simulate(measured_lags(0.07, 60, jobs))
    agrees(
        torch.tensor(ours, dtype=torch.float64),
        torch.tensor(simpy_lags(0.07, 60, jobs), dtype=torch.float64),
        "simpy.Resource",
    )
    assert max(ours) > 0.1


def test_what_is_ready_runs_before_a_beat():
    async def main():
        beat = asyncio.create_task(lags(0.02, 60))
        await asyncio.sleep(0)
        for _ in range(5):
            asyncio.get_running_loop().call_soon(block, 0.2)
        return await beat

    late = simulate(main())
    assert max(late) == pytest.approx(5 * 0.2 - 0.02)
    assert late == pytest.approx([max(1 - 0.02 * (i + 1), 0) for i in range(60)])


def test_an_idle_loop_is_never_late():
    assert simulate(lags(0.25, 5)) == [0] * 5
    assert simulate(lags(1e-3, 1)) == [0]


@pytest.mark.parametrize("own", [0.0, 0.01, 0.3])
def test_only_awaited_seconds_overlap(own):
    async def request(blocking):
        block(own)
        if blocking:
            block(0.2)
        else:
            await asyncio.sleep(0.2)

    async def main(blocking):
        await asyncio.gather(*(request(blocking) for _ in range(7)))
        return now()

    assert simulate(main(True)) == pytest.approx(7 * (own + 0.2))
    assert simulate(main(False)) == pytest.approx(7 * own + 0.2)


def test_a_deadlock_is_an_error():
    async def main():
        lock = asyncio.Lock()
        async with lock, lock:
            pass

    with pytest.raises(RuntimeError, match="deadlock"):
        simulate(main())


def test_a_loop_may_run_beside_another():
    async def outer():
        return simulate(asyncio.sleep(5, "inner")), run(asyncio.sleep(0, "real"))

    assert asyncio.run(outer()) == ("inner", "real")
    with pytest.raises(KeyError):
        run(fails())


async def fails():
    raise KeyError


def test_weeks_pass_at_once_and_years_are_refused():
    async def main(seconds):
        await asyncio.sleep(seconds)
        return now()

    month = 30 * 24 * 3600.0
    assert simulate(main(month)) == month
    with pytest.raises(ValueError, match="the clock is past 4194304"):
        simulate(main(1e8))


# A limit


@settings(deadline=None, max_examples=50, derandomize=True)
@given(
    seconds=st.lists(st.integers(0, 6), max_size=9),
    limit=st.integers(1, 11),
)
def test_limit_holds_and_results_keep_their_order(seconds, limit):
    running = []

    async def call(item):
        running.append(item)
        assert len(running) <= limit
        await asyncio.sleep(seconds[item])
        running.remove(item)
        return item

    async def main():
        found = await bounded_map(call, iter(range(len(seconds))), limit)
        return found, now()

    found, end = simulate(main())
    assert found == list(range(len(seconds)))
    free = [0] * limit
    for wait in seconds:  # the first that is free takes the next
        free.sort()
        free[0] += wait
    assert end == max(free)


@pytest.mark.parametrize("limit", [1, 3, 50])
def test_calls_start_and_end_when_simpy_says(agrees, limit):
    seconds = random_seconds(20)
    env, theirs = simpy.Environment(), [None] * len(seconds)
    gate = simpy.Resource(env, capacity=limit)

    def call(i):
        with gate.request() as request:
            yield request
            start = env.now
            yield env.timeout(seconds[i])
            theirs[i] = (start, env.now)

    for i in range(len(seconds)):
        env.process(call(i))
    env.run()
    ours = simulate(measured_map(seconds, limit))
    options = {"dtype": torch.float64}
    agrees(
        torch.tensor(ours, **options), torch.tensor(theirs, **options), "simpy.Resource"
    )


@pytest.mark.parametrize("limit", [1, 3, 50])
def test_calls_start_and_end_as_with_anyio(agrees, limit):
    seconds, theirs = random_seconds(20), [None] * 20

    async def main():
        limiter = anyio.CapacityLimiter(limit)

        async def call(i):
            async with limiter:
                start = anyio.current_time()
                await anyio.sleep(seconds[i])
                theirs[i] = (start, anyio.current_time())

        async with anyio.create_task_group() as group:
            for i in range(len(seconds)):
                group.start_soon(call, i)

    anyio.run(main, backend_options={"loop_factory": SimulatedLoop})
    ours = simulate(measured_map(seconds, limit))
    options = {"dtype": torch.float64}
    agrees(
        torch.tensor(ours, **options),
        torch.tensor(theirs, **options),
        "anyio.CapacityLimiter",
    )


def test_a_failed_call_cancels_the_others():
    ended = []

    async def call(item):
        await asyncio.sleep(item)
        if item == 2:
            raise KeyError(item)
        ended.append(item)

    with pytest.raises(ExceptionGroup) as caught:
        simulate(bounded_map(call, [1, 2, 3, 4], 3))
    assert isinstance(caught.value.exceptions[0], KeyError)
    assert ended == [1]


# Back-pressure


@pytest.mark.parametrize("maxsize", [1, 4, 100])
def test_items_are_handled_when_simpy_says(agrees, maxsize):
    waits, lengths = random_seconds(2, 40)
    lengths = [2 * length for length in lengths]
    ours, theirs = [None] * 40, [None] * 40

    async def handle(i):
        start = now()
        await asyncio.sleep(lengths[i])
        ours[i] = (start, now())

    simulate(process(numbers([w / 5 for w in waits]), handle, 3, maxsize))
    env = simpy.Environment()
    queue = simpy.Store(env, capacity=maxsize)

    def source():
        for i, wait in enumerate(waits):
            yield env.timeout(wait / 5)
            yield queue.put(i)

    def work():
        while True:
            i = yield queue.get()
            start = env.now
            yield env.timeout(lengths[i])
            theirs[i] = (start, env.now)

    env.process(source())
    for _ in range(3):
        env.process(work())
    env.run()
    options = {"dtype": torch.float64}
    agrees(
        torch.tensor(ours, **options), torch.tensor(theirs, **options), "simpy.Store"
    )


@pytest.mark.parametrize("maxsize", [1, 5])
def test_source_is_at_most_one_item_ahead_of_a_full_queue(maxsize):
    made, begun, ahead = 0, 0, []

    async def source():
        nonlocal made
        for i in range(30):
            made += 1
            ahead.append(made - begun)
            yield i

    async def handle(_):
        nonlocal begun
        begun += 1
        await asyncio.sleep(1)

    simulate(process(source(), handle, 2, maxsize))
    assert begun == 30
    assert max(ahead) == maxsize + 1


def test_each_item_is_handled_once_and_none_is_no_end():
    handled = []

    async def source():
        for item in (None, 0, None, False):
            yield item

    async def handle(item):
        handled.append(item)

    simulate(process(source(), handle, 3, 2))
    assert handled == [None, 0, None, False]
    simulate(process(numbers([]), handle, 3, 2))
    assert len(handled) == 4


def test_a_failed_worker_stops_the_source():
    async def handle(item):
        await asyncio.sleep(1)
        raise KeyError(item)

    async def main():
        with pytest.raises(ExceptionGroup):
            await process(numbers([0.5] * 100), handle, 1, 1)
        return now()

    assert simulate(main()) == 1.5


# Watchdog, on the real clock: what it finds is asserted, not when


def stuck(seconds=0.1):
    time.sleep(seconds)


async def watched(function, threshold):
    async with watchdog(threshold) as stalls:
        function()
    return stalls


async def watched_until_found(threshold):
    """A busy machine may stop either thread anywhere, so it may take several calls."""
    async with watchdog(threshold) as stalls:
        while not (found := [s for s in stalls if s[0].function == "stuck"]):
            stuck()
            await asyncio.sleep(0)
    return found[0]


def test_watchdog_names_the_line():
    stack = run(watched_until_found(0.02))
    assert stack[0].line == stuck.__code__.co_firstlineno + 1
    assert stack[0].file.endswith("test_blocking_coroutines.py")
    assert stack[1].function == "watched_until_found"


def test_watchdog_needs_no_thread_of_the_default_pool():
    async def main():
        ends = [threading.Event() for _ in range(40)]
        for end in ends:
            asyncio.get_running_loop().run_in_executor(None, end.wait)
        found = await watched_until_found(0.02)
        for end in ends:
            end.set()
        return found

    assert run(main())[0].function == "stuck"


def test_watchdog_reports_a_stall_while_it_lasts_and_before_the_first_await():
    async def main():
        async with watchdog(0.02) as stalls:
            for _ in range(6000):  # does not come back before there is a report
                if stalls:
                    return len(stalls)
                time.sleep(0.01)
        return 0

    assert run(main()) == 1


def test_watchdog_is_silent_while_the_loop_runs():
    """With a threshold of an hour, no machine is slow enough to report."""

    async def ends(error):
        async with watchdog(3600.0) as stalls:
            if error:
                raise error
        return stalls

    assert run(ends(None)) == []

    with pytest.raises(KeyError):
        run(ends(KeyError))


def test_reports_are_read_for_one_thread():
    report = """Thread 0x00000000000000aa (most recent call first):
  File "/a b/c.py", line 3 in f
  File "d.py", line 14 in <module>

Thread 0x00000000000000bb (most recent call first):
  File "other.py", line 5 in g
Thread 0x00000000000000bb [name] (most recent call first):
  File "other.py", line 6 in g

Current thread 0x00000000000000aa (most recent call first):
  File "e.py", line 7 in h
"""
    first = [Frame("/a b/c.py", 3, "f"), Frame("d.py", 14, "<module>")]
    assert stacks(report, 0xAA) == [first, [Frame("e.py", 7, "h")]]
    assert [s[0].line for s in stacks(report, 0xBB)] == [5, 6]
    assert stacks("", 0xAA) == []


# What cannot be


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: lags(0.0, 3), "period=0.0"),
        (lambda: lags(float("nan"), 3), "period=nan"),
        (lambda: lags(float("inf"), 3), "period=inf"),
        (lambda: lags(0.1, 0), "beats=0"),
        (lambda: bounded_map(asyncio.sleep, [1], 0), "limit=0"),
        (lambda: process(numbers([]), asyncio.sleep, 0, 1), "workers=0"),
        (lambda: process(numbers([]), asyncio.sleep, 1, 0), "maxsize=0"),
        (lambda: process(numbers([]), asyncio.sleep, 1, -1), "maxsize=-1"),
        (lambda: watched(stuck, 0.0), "threshold=0.0"),
        (lambda: watched(stuck, float("nan")), "threshold=nan"),
        (lambda: blocked(-1.0), "seconds=-1.0"),
        (lambda: blocked(float("inf")), "seconds=inf"),
        (lambda: blocked(float("nan")), "seconds=nan"),
    ],
)
def test_what_would_hang_or_mislead_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        simulate(make())


async def blocked(seconds):
    block(seconds)


def test_a_simulated_clock_refuses_threads():
    with pytest.raises(ValueError, match="does not wait for threads"):
        simulate(asyncio.to_thread(os.getpid))


def test_a_real_clock_cannot_be_moved():
    with pytest.raises(ValueError, match="is not simulated"):
        run(blocked(1.0))


# What the page says of the libraries


def test_default_sizes_of_thread_pools(monkeypatch):
    """With this many threads, the next call to ``to_thread`` waits."""
    from concurrent.futures import thread

    size = {}

    class Pool(ThreadPoolExecutor):
        def __init__(self, max_workers=None, *args, **options):
            size["asyncio"] = max_workers
            super().__init__(max_workers, *args, **options)

    monkeypatch.setattr(thread, "ThreadPoolExecutor", Pool)
    monkeypatch.setattr("concurrent.futures.ThreadPoolExecutor", Pool)
    run(asyncio.to_thread(os.getpid))
    assert size == {"asyncio": None}  # so the default, min(32, CPUs + 4)

    async def tokens():
        return anyio.to_thread.current_default_thread_limiter().total_tokens

    assert anyio.run(tokens) == 40


def test_a_semaphore_does_not_limit_threads_whose_tasks_are_cancelled():
    end, begun = threading.Event(), []

    def model(i):
        begun.append(i)
        end.wait()

    async def main():
        gate = asyncio.Semaphore(2)

        async def answer(i):
            async with gate:
                return await asyncio.to_thread(model, i)

        tasks = [asyncio.create_task(answer(i)) for i in range(4)]
        for task in tasks:
            while tasks.index(task) not in begun:
                await asyncio.sleep(0.001)
            task.cancel()
        end.set()

    run(main())
    assert begun == [0, 1, 2, 3]


def test_a_pool_limits_threads_whose_tasks_are_cancelled():
    end, begun = threading.Event(), []

    def model(i):
        begun.append(i)
        end.wait()

    async def main():
        async def answer(i):
            async with asyncio.timeout(0.01):
                loop = asyncio.get_running_loop()
                return await loop.run_in_executor(pool, model, i)

        answers = map(answer, range(6))
        results = await asyncio.gather(*answers, return_exceptions=True)
        end.set()
        return results

    with ThreadPoolExecutor(2) as pool:
        assert {type(result) for result in run(main())} == {TimeoutError}
    assert len(begun) <= 2


@pytest.mark.parametrize("abandon", [False, True])
def test_anyio_waits_for_a_thread_unless_it_may_abandon_it(abandon):
    async def main():
        end, result = threading.Event(), None

        def model():
            anyio.from_thread.run_sync(scope.cancel)
            if abandon:
                end.wait()
            return "done"

        with anyio.CancelScope() as scope:
            result = await anyio.to_thread.run_sync(model, abandon_on_cancel=abandon)
        end.set()
        return result

    assert anyio.run(main) == (None if abandon else "done")


def test_slow_callbacks_are_logged(caplog):
    async def main():
        loop = asyncio.get_running_loop()
        loop.set_debug(True)
        assert loop.slow_callback_duration == 0.1
        await asyncio.create_task(blocked(0.2))
        await asyncio.create_task(blocked(0.05))

    simulate(main())
    slow = [r.getMessage() for r in caplog.records if "took" in r.getMessage()]
    assert len(slow) == 1
    assert slow[0].startswith("Executing <Task finished")
    assert "coro=<blocked() " in slow[0]
    assert slow[0].endswith("took 0.200 seconds")
