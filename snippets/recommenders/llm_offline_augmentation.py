"""Annotate a catalog with a language model before any request comes.

The pattern is that of LLM-enhanced recommenders, Liu et al., 2024,
https://arxiv.org/abs/2412.13432: the model works while the index is built, and not
while a user waits.

Names::

    item        the fields of a catalog entry, such as its title
    complete    a client of a model: a function from a question to the answer's text
    store       accepted labels by fingerprint; a dict, or anything like it on disk
"""

import hashlib
import json
from collections.abc import Callable, Mapping, MutableMapping, Sequence
from typing import Any, NamedTuple

Item = Mapping[str, str]
Complete = Callable[[str], str]
Store = MutableMapping[str, list[str]]


class Prompt(NamedTuple):
    """A question about an item, and the labels that an answer may use."""

    version: str
    """For people and logs; the fingerprint covers the other fields, too."""
    model: str
    template: str
    """With the names of the item's fields, and ``labels``, in braces."""
    labels: tuple[str, ...]

    def render(self, item: Item) -> str:
        return self.template.format(**item, labels=", ".join(self.labels))


def fingerprint(prompt: Prompt, item: Item) -> str:
    """A hash of all that the answer depends on.

    Examples
    --------
    >>> prompt = Prompt("1", "a-model", "Label {title}: {labels}", ("War", "Crime"))
    >>> fingerprint(prompt, {"title": "Heat"})
    'bc341f01fbd8ea18'
    """
    content = json.dumps([prompt._asdict(), dict(item)], sort_keys=True)
    return hashlib.sha256(content.encode()).hexdigest()[:16]


def answer_schema(labels: Sequence[str]) -> dict[str, Any]:
    """The JSON Schema of an answer, as APIs for structured output take it."""
    label = {"type": "string", "enum": list(labels)}
    return {
        "type": "object",
        "properties": {"labels": {"type": "array", "items": label}},
        "required": ["labels"],
        "additionalProperties": False,
    }


def parse_answer(text: str, labels: Sequence[str]) -> list[str]:
    """The labels of an answer that has the schema, without repetitions.

    Raises
    ------
    ValueError
        If the text is not JSON, or does not have the schema.

    Examples
    --------
    >>> parse_answer('{"labels": ["War", "War"]}', ("War", "Crime"))
    ['War']
    """
    try:
        answer = json.loads(text)
    except (ValueError, RecursionError) as failed:
        raise ValueError(f"not JSON: {failed}") from None
    if not isinstance(answer, dict) or list(answer) != ["labels"]:
        raise ValueError("want an object with one key, 'labels'")
    found = answer["labels"]
    if not isinstance(found, list):
        raise ValueError(f"want a list of labels, got {found!r}")
    if unknown := [label for label in found if label not in labels]:
        raise ValueError(f"{unknown} not among the {len(labels)} labels")
    return list(dict.fromkeys(found))


class Answer(NamedTuple):
    """Accepted labels, or None and the reason; and the number of calls."""

    labels: list[str] | None
    calls: int
    reason: str


def ask(
    question: str, labels: Sequence[str], complete: Complete, attempts: int
) -> Answer:
    """Ask until an answer is accepted; each time, the question says what was wrong."""
    if attempts < 1:
        raise ValueError(f"attempts must be positive, got {attempts}")
    for call in range(1, attempts + 1):
        text = complete(question)
        try:
            return Answer(parse_answer(text, labels), call, "")
        except ValueError as failed:
            reason = str(failed)
        question += f"\nYour answer {call} was refused: {reason}. Answer again."
    return Answer(None, attempts, reason)


class Report(NamedTuple):
    """What a run found, and what it took."""

    labels: dict[str, list[str]]
    """By the name of the item."""
    failed: dict[str, str]
    """Items without labels, and why the last answer was refused."""
    calls: int
    """Calls of the model."""
    reused: int
    """Items whose labels were in the store."""


def annotate(
    items: Mapping[str, Item],
    prompt: Prompt,
    complete: Complete,
    store: Store,
    attempts: int = 3,
) -> Report:
    """Labels of all items; only items without a stored answer cost a call."""
    report = Report({}, {}, 0, 0)
    for name, item in items.items():
        key = fingerprint(prompt, item)
        if key in store:
            report = report._replace(reused=report.reused + 1)
        else:
            question = prompt.render(item)
            answer = ask(question, prompt.labels, complete, attempts)
            report = report._replace(calls=report.calls + answer.calls)
            if answer.labels is None:
                report.failed[name] = answer.reason
                continue
            store[key] = answer.labels  # now: a later crash loses nothing
        report.labels[name] = list(store[key])  # the caller may change it
    return report
