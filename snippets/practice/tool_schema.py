"""Whether the input of a call fits the JSON Schema of its tool.

JSON Schema, draft 2020-12, https://json-schema.org/draft/2020-12: the keywords that a
tool needs most. Names are those of the draft.
"""

import math
from collections.abc import Mapping
from typing import Any

NOTES = {"title", "description", "default", "examples"}  # they check nothing
KEYWORDS = {
    "type", "enum", "properties", "required", "additionalProperties", "items",
    "minimum", "maximum", *NOTES,
}  # fmt: skip


def has_type(value: Any, name: str) -> bool:
    """Whether a JSON value has a type of the draft; 2.0 is an integer, True is not.

    Raises
    ------
    ValueError
        If the draft has no type of this name.
    """
    match name:
        case "null":
            return value is None
        case "boolean":
            return isinstance(value, bool)
        case "number" | "integer":
            number = isinstance(value, int | float) and not isinstance(value, bool)
            whole = isinstance(value, int) or (number and value.is_integer())
            return number and whole if name == "integer" else number
        case "string" | "array" | "object":
            kind = {"string": str, "array": list, "object": dict}[name]
            return isinstance(value, kind)
    raise ValueError(f"JSON Schema has no type {name!r}")


def same(first: Any, second: Any) -> bool:
    """Whether two JSON values are equal: 1 and 1.0 are, 1 and True are not."""
    if isinstance(first, bool) or isinstance(second, bool):
        return first is second
    if isinstance(first, list) and isinstance(second, list):
        return len(first) == len(second) and all(map(same, first, second))
    if isinstance(first, dict) and isinstance(second, dict):
        return first.keys() == second.keys() and all(
            same(first[key], second[key]) for key in first
        )
    return first == second


def mismatches(value: Any, schema: Mapping[str, Any], path: str = "input") -> list[str]:
    """What is wrong with a value, one sentence each; an empty list if it fits.

    Raises
    ------
    ValueError
        If the schema has a keyword that is not checked here: to pass over it would
        call a wrong input right.

    Examples
    --------
    >>> schema = {"type": "object", "properties": {"n": {"type": "integer"}}}
    >>> mismatches({"n": "two"}, schema)
    ["input.n: 'two' is not of type integer"]
    >>> mismatches({"n": 2}, schema)
    []
    """
    if unknown := sorted(set(schema) - KEYWORDS):
        raise ValueError(f"{path}: the schema has {unknown}, which is not checked here")
    kinds = schema.get("type", [])
    kinds = [kinds] if isinstance(kinds, str) else kinds
    found = []
    if kinds and not any([has_type(value, kind) for kind in kinds]):
        found.append(f"{path}: {value!r} is not of type {' or '.join(kinds)}")
    if "enum" in schema and not any(same(value, one) for one in schema["enum"]):
        found.append(f"{path}: {value!r} is not one of {schema['enum']}")
    if has_type(value, "number"):
        low, high = schema.get("minimum", -math.inf), schema.get("maximum", math.inf)
        if value < low or value > high:
            found.append(f"{path}: {value} is not in [{low}, {high}]")
    if isinstance(value, dict):
        found += object_mismatches(value, schema, path)
    if isinstance(value, list) and "items" in schema:
        for i, item in enumerate(value):
            found += mismatches(item, schema["items"], f"{path}.{i}")
    return found


def object_mismatches(
    value: Mapping[str, Any], schema: Mapping[str, Any], path: str
) -> list[str]:
    """What is wrong with the members of an object."""
    properties = schema.get("properties", {})
    missing = [name for name in schema.get("required", []) if name not in value]
    found = [f"{path}: {name!r} is missing" for name in missing]
    rest = schema.get("additionalProperties", True)
    if rest not in (True, False):
        raise ValueError(
            f"{path}: additionalProperties is {rest!r}, want True or False"
        )
    for name, member in value.items():
        if name in properties:
            found += mismatches(member, properties[name], f"{path}.{name}")
        elif rest is False:
            found.append(f"{path}: {name!r} is not a property")
    return found
