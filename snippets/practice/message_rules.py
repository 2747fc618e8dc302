"""The rules of a request to the Messages API, as far as tools are concerned.

The types of the SDK ``anthropic`` 2.14 and the pages on tool use and on stop reasons in
the documentation, https://platform.claude.com/docs. The field names are the API's. The
messages of the API are imitated where its wording is known.
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from snippets.practice.tool_rules import choice_problems, tool_problems

Block = Mapping[str, Any]


def problems(request: Mapping[str, Any]) -> list[str]:
    """What is wrong with a request, one sentence each; an empty list if nothing is.

    Examples
    --------
    >>> hello = [{"role": "user", "content": "Hi"}]
    >>> problems({"model": "claude-opus-5-5", "messages": hello})
    ['max_tokens: Field required']
    """
    found = [
        f"{name}: Field required"
        for name in ("model", "max_tokens", "messages")
        if name not in request
    ]
    limit = request.get("max_tokens", 1)
    if not isinstance(limit, int) or isinstance(limit, bool) or limit < 0:
        found.append(f"max_tokens: {limit!r} is not a whole number of at least 0")
    tools = request.get("tools", [])
    found += [f"tools.{i}: {p}" for i, t in enumerate(tools) for p in tool_problems(t)]
    names = [tool.get("name") for tool in tools if tool.get("name")]
    found += [f"tools: the name {n!r} twice" for n in names if names.count(n) > 1][:1]
    if "tool_choice" in request:
        found += choice_problems(request["tool_choice"], names)
    return found + message_problems(request.get("messages", []))


def blocks(message: Mapping[str, Any]) -> list[Any]:
    """The content of a message as a list of blocks; a string is one block of text."""
    content = message.get("content")
    return [{"type": "text", "text": content}] if isinstance(content, str) else content


def ids(content: Sequence[Block], kind: str, key: str = "id") -> list[Any]:
    """The ids of all blocks of one type."""
    return [block.get(key) for block in content if block.get("type") == kind]


def message_problems(messages: Sequence[Mapping[str, Any]]) -> list[str]:
    """What is wrong with roles and blocks, and with calls and their results."""
    if not messages:
        return ["messages: at least one message is required"]
    found = [p for i, m in enumerate(messages) for p in block_problems(m, i)]
    if found:
        return found
    pairs = [({"content": []}, messages[0]), *pairwise(messages)]
    found = [p for i, pair in enumerate(pairs) for p in pair_problems(*pair, i - 1)]
    last = ids(blocks(messages[-1]), "tool_use")
    return found + unanswered(last, len(messages) - 1)


def block_problems(message: Mapping[str, Any], i: int) -> list[str]:
    """What is wrong within message ``i``."""
    role, content = message.get("role"), message.get("content")
    if role not in ("user", "assistant", "system"):
        return [f"messages.{i}: there is no role {role!r}"]
    if not isinstance(content, str | list):
        return [f"messages.{i}.content: want a string or a list, got {content!r}"]
    found = []
    for block in blocks(message):
        kind = block.get("type") if isinstance(block, dict) else None
        if not isinstance(kind, str):
            found.append(f"messages.{i}: a block without a type: {block!r}")
        elif kind == "tool_use" and not isinstance(block.get("input"), dict):
            found.append(f"messages.{i}: input must be an object: {block!r}")
        elif kind == "tool_result":
            if not isinstance(block.get("tool_use_id"), str):
                found.append(f"messages.{i}: a result without tool_use_id: {block!r}")
            if not isinstance(block.get("content", ""), str | list):
                found.append(f"messages.{i}: content must be a string or a list")
        owner = {"tool_use": "assistant", "tool_result": "user"}.get(kind, role)
        if role != owner:
            found.append(f"messages.{i}: {kind} belongs to the {owner}, not the {role}")
    return found


def unanswered(calls: Sequence[Any], i: int) -> list[str]:
    """The sentence on calls of message ``i`` that have no result."""
    text = "`tool_use` ids were found without `tool_result` blocks immediately after"
    return [f"messages.{i}: {text}: {', '.join(map(str, calls))}"] if calls else []


def pair_problems(
    message: Mapping[str, Any], following: Mapping[str, Any], i: int
) -> list[str]:
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
    waiting = open_server_calls(content)
    if waiting and following.get("role") == "user" and first < len(kinds):
        found.append(f"messages.{i + 1}: only results may follow while {waiting} waits")
    return found


def open_server_calls(content: Sequence[Block]) -> list[Any]:
    """Ids of calls of server tools that have no result in the same content."""
    done = [b.get("tool_use_id") for b in content if b["type"].endswith("_tool_result")]
    return [call for call in ids(content, "server_tool_use") if call not in done]
