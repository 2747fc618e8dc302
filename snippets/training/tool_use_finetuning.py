"""Conversations with tool calls: as text and back, and which tokens are labels.

The messages and the mask are those of ``apply_chat_template`` in transformers, with a
template of our own; call and result as in Schick et al. (2023), Toolformer,
https://arxiv.org/abs/2302.04761.

Glossary::

    tool_calls          call      transformers: a list; here at most one call a turn
    {% generation %}    spans     transformers: what the assistant wrote, in characters
    assistant_masks     labels    transformers: 0 and 1; here IGNORED and the token id
    offset_mapping      offsets   transformers: characters of each token, start and end

Axes::

    batch    conversations
    seq      tokens of a conversation
    vocab    tokens that there are
"""

import json
from collections.abc import Sequence
from typing import Any, NamedTuple

import regex
from jaxtyping import Float, Int
from torch import Tensor

from snippets.language.byte_pair_encoding import Tokenizer
from snippets.training.pretraining import IGNORED, label_loss

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
    except json.JSONDecodeError as error:
        raise ValueError(f"the call is not JSON ({error}): {text!r}") from None
    match found:
        case {"name": str(), "arguments": dict()} if len(found) == 2:
            return Call(found["name"], found["arguments"])
    raise ValueError(f"a call has a name and arguments, got {text!r}")


def encode_with_offsets(
    tokenizer: Tokenizer, text: str
) -> tuple[list[int], list[Span]]:
    """Token ids, and the characters that each token covers at least in part.

    Examples
    --------
    >>> encode_with_offsets(Tokenizer([], SPECIAL), "<|user|>é!")
    ([257, 127, 102, 0], [(0, 8), (8, 9), (8, 9), (9, 10)])
    """
    ids = tokenizer.encode(text, allowed=tokenizer.special)
    spelled = [*tokenizer.tokens, *(s.encode() for s in tokenizer.special)]
    character = [i for i, c in enumerate(text) for _ in c.encode()]  # of each byte
    offsets, place = [], 0
    for token in (spelled[i] for i in ids):
        last = character[place + len(token) - 1]
        offsets.append((character[place], last + 1))
        place += len(token)
    return ids, offsets


def mask_labels(
    ids: Sequence[int], offsets: Sequence[Span], spans: Sequence[Span]
) -> list[int]:
    """The ids as labels; those of tokens outside of all spans are IGNORED.

    Raises
    ------
    ValueError
        If no label is left: the batch would have a loss of 0 / 0.
    """
    labels = [
        token if any(start < last and first < end for first, last in spans) else IGNORED
        for token, (start, end) in zip(ids, offsets, strict=True)
    ]
    if set(labels) <= {IGNORED}:
        raise ValueError(f"no label among {len(labels)} tokens, with {spans=}")
    return labels


def masked_loss(
    logits: Float[Tensor, "batch seq vocab"], labels: Int[Tensor, "batch seq"]
) -> Float[Tensor, ""]:
    """Mean of -log p over all labels of a batch that are not IGNORED.

    The logits of position t - 1 answer for the label of position t.

    Raises
    ------
    ValueError
        If the batch is empty, or no label is left.
    """
    count = (labels[:, 1:] != IGNORED).sum()
    if count == 0:
        raise ValueError(f"no label to learn in a batch of {tuple(labels.shape)}")
    return label_loss(logits, labels) / count
