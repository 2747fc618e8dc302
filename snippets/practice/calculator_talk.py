"""A conversation in which the model calls a calculator, as a script for the server.

The shapes of the Messages API, written by hand: no model answered. The calculator is
that of :mod:`snippets.training.calculator`; it knows +, -, and * alone.
"""

from typing import Any

from snippets.practice.claude_tool_use import Tool
from snippets.training.calculator import evaluate

CALCULATOR = {
    "name": "calculator",
    "description": "Computes an expression of whole numbers with +, -, *, and "
    "parentheses, for example 12*(34-1). Use it for every product of numbers above "
    "ten. It knows no division and no powers. It returns the value in digits.",
    "input_schema": {
        "type": "object",
        "properties": {"expression": {"type": "string"}},
        "required": ["expression"],
        "additionalProperties": False,
    },
}
TOOLS = {"calculator": Tool(evaluate, CALCULATOR)}
QUESTION = "What are 56*49 and 9 to the power of 3?"


def ask(text: str = QUESTION) -> dict[str, Any]:
    """A request with one message of the user."""
    messages = [{"role": "user", "content": text}]
    return {"model": "claude-opus-5-5", "max_tokens": 1024, "messages": messages}


def call(number: int, expression: str) -> dict[str, Any]:
    """A call of the calculator; the number makes its id."""
    return {
        "type": "tool_use",
        "id": f"toolu_{number}",
        "name": "calculator",
        "input": {"expression": expression},
    }


def said(text: str) -> dict[str, Any]:
    """A block of text."""
    return {"type": "text", "text": text}


def reply(*content: dict[str, Any], stop_reason: str = "tool_use") -> dict[str, Any]:
    """The fields of a response that a script gives."""
    return {"content": list(content), "stop_reason": stop_reason}


DONE = reply(said("Done."), stop_reason="end_turn")
TALK = [
    reply(said("I compute both."), call(1, "56*49"), call(2, "9**3")),
    reply(call(3, "9*9*9")),
    reply(said("56*49 is 2744, and 9 cubed is 729."), stop_reason="end_turn"),
]
