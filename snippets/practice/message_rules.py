"""The rules of a request to the Messages API, as far as tools are concerned.

The types of the SDK ``anthropic`` 2.14 and the pages on tool use and on stop reasons in
the documentation, https://platform.claude.com/docs. The field names are the API's. The
messages of the API are imitated where its wording is known.
"""

from collections.abc import Mapping
from typing import Any

from snippets.practice.call_pairs import blocks, conversation_problems
from snippets.practice.tool_rules import choice_problems, tool_problems


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
    if not isinstance(tools, list):
        return [*found, f"tools: want a list, got {tools!r}"]
    found += [f"tools.{i}: {p}" for i, t in enumerate(tools) for p in tool_problems(t)]
    names = [t["name"] for t in tools if isinstance(t, dict) and t.get("name")]
    found += [f"tools: the name {n!r} twice" for n in names if names.count(n) > 1][:1]
    if "tool_choice" in request:
        found += choice_problems(request["tool_choice"], names)
    if "messages" in request:
        found += message_problems(request["messages"])
    return found


def message_problems(messages: Any) -> list[str]:
    """What is wrong with roles and blocks, and with calls and their results."""
    if not isinstance(messages, list) or not messages:
        return [f"messages: want a list of at least one message, got {messages!r}"]
    found = [p for i, m in enumerate(messages) for p in block_problems(m, i)]
    if found:
        return found
    return conversation_problems(messages)


def block_problems(message: Any, i: int) -> list[str]:
    """What is wrong within message ``i``."""
    if not isinstance(message, dict):
        return [f"messages.{i}: want an object, got {message!r}"]
    role, content = message.get("role"), message.get("content")
    if role not in ("user", "assistant", "system"):
        return [f"messages.{i}: there is no role {role!r}"]
    if not isinstance(content, str | list):
        return [f"messages.{i}.content: want a string or a list, got {content!r}"]
    found = []
    for block in blocks(message):
        kind = block.get("type") if isinstance(block, dict) else None
        kind = kind if isinstance(kind, str) else None
        if kind is None:
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
