"""
What the loop does for each reason to stop
==========================================

A figure of :doc:`/practice/claude_tool_use`: for each ``stop_reason``, the requests
that the loop sent, the calls it ran, and whether the conversation can go on.
"""

from contextlib import suppress

import matplotlib.pyplot as plt

from snippets.practice.calculator_talk import DONE, TOOLS, ask, call, reply, said
from snippets.practice.claude_tool_use import STEPS, Tool, converse
from snippets.practice.scripted_server import post, serving

search = {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search"}
paused = [said("I search."), {**search, "input": {"query": "news"}}]
CONTENT = {"tool_use": [call(1, "6*7")], "pause_turn": paused}
for cut_off in ("max_tokens", "model_context_window_exceeded"):
    CONTENT[cut_off] = [call(1, "6")]
found = {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": []}
AFTER = {"pause_turn": reply(found, said("No news."), stop_reason="end_turn")}
SHOWN = {"tool_use": "a call", "text": "text", "server_tool_use": "a server call"}

rows, ran = [], []
counting = Tool(lambda expression: ran.append(expression), TOOLS["calculator"][1])
for reason in STEPS:
    content = CONTENT.get(reason, [said("Well.")])
    ran.clear()
    script = [reply(*content, stop_reason=reason), AFTER.get(reason, DONE), DONE]
    with serving(script) as server:
        url = server.url
        messages, _ = converse(
            lambda url=url, **r: post(url, r), ask(), {"calculator": counting}
        )
        requests = len(server.exchanges)
        longer = [*messages, {"role": "user", "content": "Go on."}]
        with suppress(ValueError):
            post(url, {**ask(), "messages": longer})
        status = server.exchanges[-1].status
    kind = SHOWN[content[-1]["type"]]
    rows.append((reason, kind, STEPS[reason], requests, len(ran), status))

HEAD = ("stop_reason", "ends in", "step of the loop", "requests", "calls run", "status")
PLACES = (0, 4.2, 6.1, 8.3, 9.65, 10.95)
fig, ax = plt.subplots(figsize=(7.4, 3.0), layout="constrained")
ax.set(xlim=(-0.1, 11.8), ylim=(len(rows) + 0.1, -1))
ax.axis("off")
for place, name in zip(PLACES, HEAD, strict=True):
    ax.text(place, -0.4, name, va="center", weight="bold")
ax.plot([-0.1, 11.8], [0, 0], color="0.5", linewidth=1)
for y, row in enumerate(rows):
    for column, (place, value) in enumerate(zip(PLACES, row, strict=True)):
        style = {"family": "monospace", "fontsize": 9.5} if column == 0 else {}
        if column == 5:
            style = {"color": "C0" if value == 200 else "C3", "weight": "bold"}
        ax.text(place, y + 0.5, str(value), va="center", **style)
fig.set_label(
    "Table. "
    + " ".join(
        f"{reason}, the response ends in {kind}: {step}; {requests} requests, {calls} "
        f"calls run; a further message of the user gets status {status}."
        for reason, kind, step, requests, calls, status in rows
    )
)
outcome = {row[0]: row[3:] for row in rows}
assert outcome["tool_use"] == (2, 1, 200)
assert outcome["pause_turn"] == (2, 0, 200)
assert outcome["end_turn"] == outcome["refusal"] == (1, 0, 200)
assert outcome["max_tokens"] == (1, 0, 400)
measured = {"reasons": len(rows), "stuck": sum(row[5] == 400 for row in rows)}
