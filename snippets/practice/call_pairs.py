"""The rules for calls and their results in a conversation with the Messages API.

The docstrings of the SDK ``anthropic`` 2.14 and the pages on tool use and on stop
reasons in the documentation, https://platform.claude.com/docs. The field names are the
API's, and so is the wording of the errors where it is known.
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

Block = Mapping[str, Any]
Message = Mapping[str, Any]


def blocks(message: Message) -> list[Any]:
    """The content of a message as a list of blocks; a string is one block of text."""
    content = message.get("content")
    return [{"type": "text", "text": content}] if isinstance(content, str) else content


def ids(content: Sequence[Block], kind: str, key: str = "id") -> list[Any]:
    """The ids of all blocks of one type."""
    return [block.get(key) for block in content if block.get("type") == kind]


def conversation_problems(messages: Sequence[Message]) -> list[str]:
    """What is wrong with the calls and results of messages that are well formed.

    Examples
    --------
    >>> call = {"type": "tool_use", "id": "toolu_1", "name": "add", "input": {}}
    >>> asked = [{"role": "assistant", "content": [call]}]
    >>> conversation_problems([*asked, {"role": "user", "content": "Well?"}])[0][:43]
    'messages.0: `tool_use` ids were found witho'
    """
    calls = [(i, c) for i, m in enumerate(messages) for c in ids(blocks(m), "tool_use")]
    names = [call for _, call in calls]
    found = [
        f"messages.{i}: `tool_use` ids must be unique: {call!r}"
        for n, (i, call) in enumerate(calls)
        if call in names[:n]
    ]
    whole = joined(messages)
    pairs = [((-1, {"content": []}), whole[0]), *pairwise(whole)]
    found += [p for (i, m), (_, after) in pairs for p in pair_problems(m, after, i)]
    last, message = whole[-1]
    return found + unanswered(ids(blocks(message), "tool_use"), last)


def joined(messages: Sequence[Message]) -> list[tuple[int, dict[str, Any]]]:
    """The messages and their places; the API joins user messages that are neighbors.

    Examples
    --------
    >>> hi = {"role": "user", "content": "Hi"}
    >>> [(place, len(message["content"])) for place, message in joined([hi, hi])]
    [(0, 2)]
    """
    whole: list[tuple[int, dict[str, Any]]] = []
    for i, message in enumerate(messages):
        if whole and message["role"] == whole[-1][1]["role"] == "user":
            place, before = whole.pop()
            content = [*blocks(before), *blocks(message)]
            whole.append((place, {"role": "user", "content": content}))
        else:
            whole.append((i, dict(message)))
    return whole


def unanswered(calls: Sequence[Any], i: int) -> list[str]:
    """The sentence on calls of message ``i`` that have no result."""
    text = "`tool_use` ids were found without `tool_result` blocks immediately after"
    return [f"messages.{i}: {text}: {', '.join(map(str, calls))}"] if calls else []


def pair_problems(message: Message, following: Message, i: int) -> list[str]:
    """What is wrong between message ``i`` and the one that follows."""
    content, after = blocks(message), blocks(following)
    calls = ids(content, "tool_use")
    kinds = [block.get("type") for block in after]
    first = next((n for n, k in enumerate(kinds) if k != "tool_result"), len(kinds))
    results = ids(after[:first], "tool_result", "tool_use_id")
    found = unanswered([call for call in calls if call not in results], i)
    late = ids(after[first:], "tool_result", "tool_use_id")
    for result in [*results, *late]:
        if result not in calls:
            found.append(f"messages.{i + 1}: no `tool_use` for the result {result!r}")
        elif (results + late).count(result) > 1:
            found.append(f"messages.{i + 1}: two results for {result!r}")
    if following.get("role") == "user" and first < len(kinds):
        found += [f"messages.{i}: {problem}" for problem in waiting(content)]
    return found


def waiting(content: Sequence[Block]) -> list[str]:
    """One sentence for each call of a server tool that has no result in the content."""
    done = [b.get("tool_use_id") for b in content if b["type"].endswith("_tool_result")]
    return [
        f"`{b.get('name')}` tool use with id `{b.get('id')}` was found without a "
        f"corresponding `{b.get('name')}_tool_result` block"
        for b in content
        if b["type"] == "server_tool_use" and b.get("id") not in done
    ]
