"""Conversations with tool calls as text, and back.

The messages are those of ``apply_chat_template`` in transformers, with a template of
our own; call and result as in Schick et al. (2023), Toolformer,
https://arxiv.org/abs/2302.04761.

Glossary::

    tool_calls          call      transformers: a list; here at most one call a turn
    {% generation %}    spans     transformers: what the assistant wrote, in characters
"""

import json
from collections.abc import Sequence
from typing import Any, NamedTuple

import regex

ROLES = ("system", "user", "assistant", "tool")
CALL, END_CALL, END = "<|call|>", "<|end_call|>", "<|end|>"
CHAT = ("<|system|>", "<|user|>", "<|assistant|>", END)
NEW = ("<|tool|>", CALL, END_CALL)  # what a model that only chats does not have
SPECIAL = CHAT + NEW
Span = tuple[int, int]  # start and end, the end not included


class Call(NamedTuple):
    """A tool and its arguments."""

    name: str
    arguments: dict[str, Any]


class Message(NamedTuple):
    """One turn of a conversation; only the assistant's may end in a call."""

    role: str
    content: str
    call: Call | None = None


def render(messages: Sequence[Message]) -> tuple[str, list[Span]]:
    """The text of a conversation, and the spans that the assistant wrote.

    Raises
    ------
    ValueError
        If there is no message, a role is unknown or makes a call that it cannot, or
        a text contains a special token.

    Examples
    --------
    >>> text, spans = render([Message("user", "Hi"), Message("assistant", "Ho")])
    >>> text, [text[start:end] for start, end in spans]
    ('<|user|>Hi<|end|><|assistant|>Ho<|end|>', ['Ho<|end|>'])
    """
    if not messages:
        raise ValueError("a conversation of 0 messages")
    text, spans = "", []
    for message in messages:
        text += f"<|{message.role}|>"
        written = turn(message)
        if message.role == "assistant":
            spans.append((len(text), len(text) + len(written)))
        text += written
    return text, spans


def turn(message: Message) -> str:
    """What follows the token of the role, with the token that ends the turn."""
    role, content, call = message
    if role not in ROLES or (call and role != "assistant"):
        raise ValueError(f"no message with {role=}, {call=}")
    json_text = "" if call is None else json.dumps(call._asdict(), ensure_ascii=False)
    for special in SPECIAL:
        if special in content or special in json_text:
            raise ValueError(f"the {role}'s text contains {special}")
    return content + (END if call is None else CALL + json_text + END_CALL)


def parse(text: str) -> list[Message]:
    """The conversation that was rendered as ``text``.

    Raises
    ------
    ValueError
        If ``text`` is not a sequence of whole turns, or a call is malformed.
    """
    role = "|".join(ROLES)
    end = f"{regex.escape(CALL)}(.*?){regex.escape(END_CALL)}|{regex.escape(END)}"
    whole = regex.compile(rf"<\|({role})\|>(.*?)(?:{end})", regex.DOTALL)
    messages, place = [], 0
    while found := whole.match(text, place):
        call = None if found[3] is None else parse_call(found[3])
        messages.append(Message(found[1], found[2], call))
        place = found.end()
    if not messages or text != render(messages)[0]:
        raise ValueError(f"not whole turns, from character {place}: {text[place:]!r}")
    return messages


def parse_call(text: str) -> Call:
    """The call that a model wrote.

    Raises
    ------
    ValueError
        If it is not JSON, or not an object of a name and arguments.
    """
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:  # long numbers, deep lists
        raise ValueError(f"the call is not JSON ({error}): {text[:80]!r}") from None
    match found:
        case {"name": str(), "arguments": dict()} if len(found) == 2:
            return Call(found["name"], found["arguments"])
    raise ValueError(f"a call has a name and arguments, got {text!r}")
