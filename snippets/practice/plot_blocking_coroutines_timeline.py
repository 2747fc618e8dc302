"""
Five requests that block, and five that wait
============================================

Animation for :doc:`/practice/blocking_coroutines`. Five requests compute for 0.02 s and
then wait for a reply for 0.18 s, in a call that blocks or in one that is awaited. The
clock is simulated. Below, how late the loop runs a callback that is due every 0.02 s.
"""

import asyncio

import matplotlib.pyplot as plt
from matplotlib.animation import FuncAnimation

from snippets.practice.blocking_coroutines import lags
from snippets.practice.simulated_loop import block, simulate

REQUESTS, COMPUTE, REPLY, PERIOD, BEATS = 5, 0.02, 0.18, 0.02, 55


async def requests(blocking: bool) -> tuple[list, list[float]]:
    """Start, start of the wait, and end of each request; lag of each beat."""
    loop, late = asyncio.get_running_loop(), asyncio.create_task(lags(PERIOD, BEATS))

    async def request() -> tuple[float, float, float]:
        start = loop.time()
        block(COMPUTE)
        middle = loop.time()
        if blocking:
            block(REPLY)
        else:
            await asyncio.sleep(REPLY)
        return start, middle, loop.time()

    spans = await asyncio.gather(*(request() for _ in range(REQUESTS)))
    return spans, await late


runs = {"blocking call": simulate(requests(True)), "await": simulate(requests(False))}
shared = {"sharex": True, "sharey": "row", "layout": "constrained"}
fig, axes = plt.subplots(2, 2, figsize=(6.8, 3.9), **shared)
bars, dots = [], []
for (name, (spans, late)), ax, below in zip(runs.items(), *axes, strict=True):
    for row, times in enumerate(spans, 1):
        for color, left, right in zip(("C0", "C1"), times, times[1:], strict=False):
            held = color == "C0" or name == "blocking call"
            (bar,) = ax.barh(row, 0, left=left, color=color, alpha=1 if held else 0.35)
            bars.append((bar, left, right))
    for i, lag in enumerate(late, 1):
        dots.append((below.plot(PERIOD * i, lag, "C2o", ms=3)[0], PERIOD * i + lag))
    ax.set(title=name, yticks=range(1, REQUESTS + 1))
    below.set(xlabel="time, due time (simulated s)", xlim=(0, 1.1), ylim=(-0.05, 1.1))
for ax, label in zip(axes[:, 0], ("request", "beat late (s)"), strict=True):
    ax.set(ylabel=label)
cursors = [ax.axvline(0, color="0.5", lw=1) for ax in axes.flat]
FRAMES = [0.0, 0.1, 0.2, 0.28, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.1]


def draw(frame: int) -> None:
    """What has happened up to a time."""
    now = FRAMES[frame] + 1e-9
    for bar, left, right in bars:
        bar.set_width(max(0.0, min(now, right) - left))
    for dot, when in dots:
        dot.set_visible(when <= now)
    for cursor in cursors:
        cursor.set_xdata([now, now])


animation = FuncAnimation(fig, draw, frames=len(FRAMES), interval=700)
ends = [spans[-1][-1] for spans, _ in runs.values()]
worst = [max(late) for _, late in runs.values()]
late = [lag for lag in runs["blocking call"][1] if lag > 1e-6]
measured = {"blocked": ends[0], "awaited": ends[1], "worst": worst[0]}
measured |= {"late": worst[1], "mean": sum(late) / len(late)}
fig.set_label(
    f"Five requests that block run one by one until {ends[0]:.2f} s: beats are up to "
    f"{worst[0]:.2f} s late. Awaited, they end by {ends[1]:.2f} s: {worst[1]:.2f} s."
)
assert abs(ends[0] - 1) + abs(ends[1] - 0.28) < 1e-9
