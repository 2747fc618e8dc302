"""
Bytes that a conversation sends, with all messages or the new ones alone
========================================================================

A figure of :doc:`/practice/claude_tool_use`: the size of each request, and the sum, for
calls one after the other, calls in a message thread, and calls in one turn.
"""

import json
from functools import partial
from typing import Any

import matplotlib.pyplot as plt

from snippets.practice.calculator_talk import DONE, TOOLS, ask, call, reply
from snippets.practice.claude_tool_use import converse
from snippets.practice.message_thread import threaded
from snippets.practice.scripted_server import post, serving

CALLS = (1, 2, 4, 8, 16, 32)


def post_to(url: str, **request: Any) -> dict[str, Any]:
    """Sends a request."""
    return post(url, request)


def sizes(replies: list[dict[str, Any]], *, thread: bool = False) -> list[int]:
    """Bytes of each request of a conversation."""
    with serving([*replies, DONE]) as server:
        turns = len(replies) + 1
        create = partial(post_to, server.url)
        way = threaded(create) if thread else create
        _, reason = converse(way, ask(), TOOLS, max_turns=turns)
    assert reason == "end_turn"
    return [len(json.dumps(exchange.request)) for exchange in server.exchanges]


NAMES = (
    "all messages each time",
    "thread: new messages alone",
    "all calls in one turn",
)
runs: dict[str, list[list[int]]] = {name: [] for name in NAMES}
for n in CALLS:
    calls = [call(i, f"{10 + i}*49") for i in range(n)]
    apart = [reply(one) for one in calls]
    kinds = (sizes(apart), sizes(apart, thread=True), sizes([reply(*calls)]))
    for name, found in zip(NAMES, kinds, strict=True):
        runs[name].append(found)

fig = plt.figure(figsize=(6.8, 3.3), layout="constrained")
left, side = fig.subplots(1, 2)
for i, name in enumerate(NAMES):
    last, marker = runs[name][-1], "ox^"[i]
    left.plot(range(1, len(last) + 1), last, f"C{i}{marker}-", ms=4, label=name)
    side.loglog(CALLS, [sum(run) for run in runs[name]], f"C{i}{marker}-", ms=5)
left.set(xlabel=f"request, {CALLS[-1]} calls", ylabel="bytes", ylim=(0, None))
side.set(xlabel="calls", ylabel="bytes of all requests")
side.set_xticks(CALLS, [str(n) for n in CALLS])
side.minorticks_off()
fig.legend(loc="outside upper center", ncols=1)
total = {name: sum(runs[name][-1]) for name in NAMES}
fig.set_label(
    f"Left: bytes of each request with {CALLS[-1]} calls. "
    + " ".join(
        f"{name}: from {runs[name][-1][0]} to {runs[name][-1][-1]}." for name in NAMES
    )
    + " Right: bytes of all requests against the number of calls. "
    + " ".join(f"{name}: {total[name]} for {CALLS[-1]} calls." for name in NAMES)
)
full, thread, once = (total[name] for name in NAMES)
measured = {"calls": CALLS[-1], "full": full / 1000, "thread": thread / 1000}
measured |= {"once": once / 1000, "saved": full / thread}
measured["doubled"] = full / sum(runs[NAMES[0]][-2])
assert measured["doubled"] > 3
assert thread < 2 * sum(runs[NAMES[1]][-2])
