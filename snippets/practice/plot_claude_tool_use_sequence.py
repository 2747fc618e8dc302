"""
A conversation with two calls at once, an error, and its repair
===============================================================

Animation for :doc:`/practice/claude_tool_use`: who sends what to whom, drawn from the
exchanges that the scripted server kept.
"""

import matplotlib.pyplot as plt
from matplotlib.animation import FuncAnimation

from snippets.practice.calculator_talk import TALK, TOOLS, ask
from snippets.practice.claude_tool_use import converse
from snippets.practice.scripted_server import post, serving

API, PROGRAM, TOOL = 0.0, 1.0, 1.9

with serving(TALK) as server:
    messages, reason = converse(lambda **r: post(server.url, r), ask(), TOOLS)
assert reason == "end_turn"
assert [exchange.status for exchange in server.exchanges] == [200] * len(TALK)

arrows = []  # from, to, text, whether it tells of an error
for exchange in server.exchanges:
    sent = exchange.request["messages"]
    last = sent[-1]["content"]
    errors = [block.get("is_error", False) for block in last if isinstance(block, dict)]
    text = f"{len(sent)} messages, the last: {len(errors)} tool_result"
    text = text if errors else "1 message: the question"
    arrows.append((PROGRAM, API, text, any(errors)))
    response = exchange.response
    calls = [block for block in response["content"] if block["type"] == "tool_use"]
    kinds = " + ".join(block["type"] for block in response["content"])
    arrows.append((API, PROGRAM, f"{kinds}; stop: {response['stop_reason']}", False))
    for call in calls:
        arrows.append((PROGRAM, TOOL, call["input"]["expression"], False))
    answers = {
        block["tool_use_id"]: block
        for message in messages
        for block in message["content"]
        if isinstance(block, dict) and block["type"] == "tool_result"
    }
    for call in calls:
        found = answers[call["id"]]
        wrong = found.get("is_error", False)
        arrows.append((TOOL, PROGRAM, "error" if wrong else found["content"], wrong))

fig, ax = plt.subplots(figsize=(6.8, 5.2), layout="constrained")
ax.set(xlim=(-0.12, 2.08), ylim=(len(arrows) + 0.2, -1.3))
ax.axis("off")
for x, name in ((API, "Messages API"), (PROGRAM, "your program"), (TOOL, "calculator")):
    ax.text(x, -0.9, name, ha="center", weight="bold")
    ax.plot([x, x], [-0.6, len(arrows)], color="0.5", linewidth=1)
drawn = []
for row, (start, end, text, wrong) in enumerate(arrows):
    style = {"arrowstyle": "->", "color": "C3" if wrong else "C0", "linewidth": 1.4}
    if wrong:
        style["linestyle"] = "--"
    arrow = ax.annotate("", (end, row + 0.5), (start, row + 0.5), arrowprops=style)
    middle = (start + end) / 2
    label = ax.text(middle, row + 0.34, text, ha="center", va="bottom", fontsize=11)
    drawn.append((arrow, label))


def draw(frame: int) -> None:
    for row, pair in enumerate(drawn):
        for artist in pair:
            artist.set_visible(row <= frame)


animation = FuncAnimation(fig, draw, frames=len(arrows), interval=900)
names = {API: "API", PROGRAM: "program", TOOL: "calculator"}
fig.set_label(
    "Arrows from top to bottom. "
    + " ".join(f"{names[a]} to {names[b]}: {text}." for a, b, text, _ in arrows)
)
measured = {"requests": len(server.exchanges)}
measured["last_messages"] = len(server.exchanges[-1].request["messages"])
