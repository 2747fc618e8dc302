"""The loop of a program that lets Claude call functions.

The types of the SDK ``anthropic`` 2.14, and the steps of its tool runner for each
reason to stop. Names are those of the Messages API.

Glossary::

    tool_use       call        a block that the model wrote: id, name, input
    tool_result    result      a block that answers one call
"""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from typing import Any, NamedTuple

from snippets.practice.tool_schema import mismatches

Message = dict[str, Any]
# What to do for each reason to stop; an unknown reason ends the loop.
STEPS = {
    "tool_use": "run the calls",
    "pause_turn": "send it back",
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "stop",
    "model_context_window_exceeded": "stop",
    "refusal": "stop",
}


class Tool(NamedTuple):
    """A function, and what the model is told about it."""

    function: Callable[..., object]
    definition: dict[str, Any]  # name, description, input_schema


def result(call: Mapping[str, Any], content: str, is_error: bool = False) -> Message:
    """The block that answers a call.

    Raises
    ------
    ValueError
        If the call has no id: its result could not be matched.

    Examples
    --------
    >>> result({"id": "toolu_1", "name": "calculator", "input": {}}, "42")
    {'type': 'tool_result', 'tool_use_id': 'toolu_1', 'content': '42'}
    """
    if not call.get("id"):
        raise ValueError(f"a call without an id: {dict(call)}")
    block = {"type": "tool_result", "tool_use_id": call["id"], "content": content}
    return {**block, "is_error": True} if is_error else block


def execute(call: Mapping[str, Any], tools: Mapping[str, Tool]) -> Message:
    """Check a call, run its function, and answer it; a failure is an answer, too."""
    try:
        if call["name"] not in tools:
            raise ValueError(f"no tool {call['name']!r}; there are {sorted(tools)}")
        tool = tools[call["name"]]
        if wrong := mismatches(call["input"], tool.definition["input_schema"]):
            raise ValueError("; ".join(wrong))
        return result(call, str(tool.function(**call["input"])))
    except Exception as error:
        return result(call, f"{type(error).__name__}: {error}", is_error=True)


def answer(
    content: list[Message], tools: Mapping[str, Tool], timeout: float
) -> list[Message]:
    """The results of all calls of one turn; the functions run at the same time."""
    calls = [block for block in content if block["type"] == "tool_use"]
    pool = ThreadPoolExecutor(max_workers=max(len(calls), 1))
    running = [pool.submit(execute, call, tools) for call in calls]
    done, _ = wait(running, timeout)
    pool.shutdown(wait=False)  # a thread that is late cannot be stopped
    late = f"no result in {timeout} s"
    return [
        future.result() if future in done else result(call, late, is_error=True)
        for call, future in zip(calls, running, strict=True)
    ]


def converse(
    create: Callable[..., Message],
    request: Mapping[str, Any],
    tools: Mapping[str, Tool],
    max_turns: int = 8,
    timeout: float = 10.0,
) -> tuple[list[Message], str]:
    """Send, run the calls, send again, until the model stops for another reason.

    Parameters
    ----------
    create
        Sends a request and gives the response as a dict.
    request
        Fields of the request: model, max_tokens, messages.
    tools
        The tools by name.
    timeout
        Seconds that each function may take.

    Returns
    -------
    messages
        The conversation, with the last response.
    reason
        Why it ended: a ``stop_reason``, or ``max_turns``.

    Raises
    ------
    ValueError
        If ``max_turns`` is below 1, or a tool has another name in its definition.
    """
    named = {name: tool.definition["name"] for name, tool in tools.items()}
    if max_turns < 1 or any(key != name for key, name in named.items()):
        raise ValueError(f"{max_turns=}, tools {named}")
    messages = list(request["messages"])
    definitions = [*request.get("tools", []), *(t.definition for t in tools.values())]
    for _ in range(max_turns):
        sent = {**request, "messages": list(messages), "tools": definitions}
        response = create(**sent)
        reason, content = response["stop_reason"], response["content"]
        messages.append({"role": "assistant", "content": content})
        step = STEPS.get(reason, "stop")
        results = answer(content, tools, timeout) if step == "run the calls" else []
        if results:
            messages.append({"role": "user", "content": results})
        elif step != "send it back":
            return messages, reason
    return messages, "max_turns"
