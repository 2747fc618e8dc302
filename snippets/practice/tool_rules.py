"""The rules for the entries of ``tools`` and for ``tool_choice`` in the Messages API.

The types of the SDK ``anthropic`` 2.14 and the page on defining tools in the
documentation, https://platform.claude.com/docs. The field names are the API's.
"""

import re
from collections.abc import Sequence
from typing import Any

NAME = re.compile(r"[a-zA-Z0-9_-]{1,128}")
PROPERTY = re.compile(r"[a-zA-Z0-9_.-]{1,64}")
CHOICES = ("auto", "any", "tool", "none")
EDITOR = "str_replace_based_edit_tool"
VERSIONS = {
    "web_search": ("20250305", "20260209", "20260318"),
    "web_fetch": ("20250910", "20260209", "20260309", "20260318"),
    "code_execution": ("20250522", "20250825", "20260120", "20260521"),
    "tool_search_tool_regex": ("20251119", ""),
    "tool_search_tool_bm25": ("20251119", ""),
    "bash": ("20250124",),
    "memory": ("20250818",),
}
# The name that each type of tool must have; a toolset has none.
FIXED_NAMES: dict[str, str | None] = {
    **{f"{n}_{v}".rstrip("_"): n for n, vs in VERSIONS.items() for v in vs},
    "text_editor_20250124": "str_replace_editor",
    "text_editor_20250429": EDITOR,
    "text_editor_20250728": EDITOR,
    "computer_toolset_20260801": None,
    "browser_toolset_20260801": None,
}


def tool_problems(tool: Any) -> list[str]:
    """What is wrong with one entry of ``tools``."""
    if not isinstance(tool, dict):
        return [f"want an object, got {tool!r}"]
    kind, name = tool.get("type") or "custom", tool.get("name")
    if not isinstance(kind, str):
        return [f"there is no type {kind!r}"]
    if kind in FIXED_NAMES:
        want = FIXED_NAMES[kind]
        return [] if name == want else [f"{kind} must have the name {want!r}: {name!r}"]
    if kind != "custom":
        return [f"there is no type {kind!r}"]
    found = []
    if not isinstance(name, str) or not NAME.fullmatch(name):
        found.append(f"the name {name!r} does not match {NAME.pattern}")
    schema = tool.get("input_schema")
    if not isinstance(schema, dict) or schema.get("type") != "object":
        return [*found, f"input_schema.type must be 'object', got {schema!r}"]
    for key in schema.get("properties") or {}:
        if not PROPERTY.fullmatch(key):
            found.append(f"the property {key!r} does not match {PROPERTY.pattern}")
    return found


def choice_problems(choice: Any, names: Sequence[str]) -> list[str]:
    """What is wrong with ``tool_choice``, given the names of the tools."""
    if not isinstance(choice, dict) or choice.get("type") not in CHOICES:
        return [f"tool_choice: want an object with a type of {CHOICES}, got {choice!r}"]
    found = []
    if choice["type"] == "tool" and choice.get("name") not in names:
        found.append(f"tool_choice: there is no tool {choice.get('name')!r}")
    if choice["type"] == "none" and "disable_parallel_tool_use" in choice:
        found.append("tool_choice: 'none' has no disable_parallel_tool_use")
    return found
