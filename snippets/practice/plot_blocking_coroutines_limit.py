"""
How many requests at once: total time and timeouts
==================================================

Measurement for :doc:`/practice/blocking_coroutines`, on a simulated clock. A client
sends 100 requests to a server that answers eight at once, each in 0.2 s. A request that
has no answer 0.9 s after it was sent has failed.
"""

import asyncio

import matplotlib.pyplot as plt

from snippets.practice.blocking_coroutines import bounded_map
from snippets.practice.simulated_loop import simulate

REQUESTS, CAPACITY, SERVICE, PATIENCE = 100, 8, 0.2, 0.9
LIMITS = [1, 2, 4, 6, 8, 12, 16, 20, 24, 28, 32, 36, 40, 50, 60, 80, 100]


async def client(limit: int) -> tuple[float, int]:
    """Seconds in all, and the number of failed requests."""
    server = asyncio.Semaphore(CAPACITY)

    async def request(_: int) -> bool:
        try:
            async with asyncio.timeout(PATIENCE), server:
                await asyncio.sleep(SERVICE)
        except TimeoutError:
            return False
        return True

    answered = await bounded_map(request, range(REQUESTS), limit)
    return asyncio.get_running_loop().time(), answered.count(False)


found = {limit: simulate(client(limit)) for limit in LIMITS}
seconds, failed = zip(*found.values(), strict=True)
fig, axes = plt.subplots(1, 2, figsize=(6.8, 2.9), layout="constrained")
axes[0].plot(LIMITS, seconds, "o-", ms=4)
axes[0].set(ylabel="total time (simulated s)", yscale="log", yticks=[1, 2, 5, 10, 20])
axes[0].set_yticklabels(["1", "2", "5", "10", "20"])
axes[0].minorticks_off()
axes[1].plot(LIMITS, failed, "o-", color="C3", ms=4)
axes[1].set(ylabel=f"failed, of {REQUESTS}")
for ax in axes:
    ax.axvline(CAPACITY, color="0.5", ls=":")
    ax.set(xlabel="limit (requests at once)")
safe = max(limit for limit in LIMITS if found[limit][1] == 0)
measured = {"one": seconds[0], "eight": found[8][0], "all_failed": failed[-1]}
measured |= {"safe": safe, "first_failed": found[36][1], "safe_s": found[safe][0]}
fig.set_label(
    f"Left: total time falls from {seconds[0]:.0f} s with a limit of 1 to "
    f"{found[8][0]:.1f} s with 8. Right: no request fails up to a limit of {safe}; "
    f"{found[36][1]} of {REQUESTS} fail with 36, and {failed[-1]} with 100."
)
assert safe == CAPACITY * int(PATIENCE / SERVICE)
assert found[8][0] == found[safe][0]
assert failed[-1] > failed[LIMITS.index(36)] > 0
