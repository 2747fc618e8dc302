"""Ask for a ranking within a budget of tokens.

The prompt lists what a user liked, from old to new, and candidates with an identifier
each. It asks for JSON, such as ``{"ranking": ["m2", "m1"]}``.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

RULES = (
    "Rank all candidates for this user, the best first. Use only their identifiers. "
    'Answer with JSON like {"ranking": ["x", "y"]}.'
)


class Prompt(NamedTuple):
    text: str
    kept: int
    """How many entries of the history the text has, the latest ones."""
    tokens: int
    """With those that are reserved for the answer."""


def one_line(title: str) -> str:
    """A title cannot pretend to be a line of the prompt."""
    return " ".join(title.split())


def render(history: Sequence[str], candidates: Mapping[str, str]) -> str:
    liked = [f"- {one_line(title)}" for title in history]
    listed = [f"{name}: {one_line(title)}" for name, title in candidates.items()]
    parts = [RULES, "Liked, from old to new:", *liked, "Candidates:", *listed]
    return "\n".join(parts)


def build_prompt(
    history: Sequence[str],
    candidates: Mapping[str, str],
    budget: int,
    count: Callable[[str], int],
) -> Prompt:
    """The prompt with as much of the end of the history as the budget allows.

    Candidates are never cut: a ranker cannot rank what it does not see.

    Parameters
    ----------
    budget
        Tokens of the prompt and the answer together.
    count
        Number of tokens of a text, by the tokenizer of the model that is asked.

    Raises
    ------
    ValueError
        If there are fewer than two candidates, or they do not fit without history.
    """
    if len(candidates) < 2:
        raise ValueError(f"two candidates or more are needed, got {len(candidates)}")
    reserved = count(json.dumps({"ranking": list(candidates)}))
    for kept in range(len(history), -1, -1):
        text = render(history[len(history) - kept :], candidates)
        tokens = count(text) + reserved
        if tokens <= budget:
            return Prompt(text, kept, tokens)
    raise ValueError(
        f"{len(candidates)} candidates need {tokens} tokens without history "
        f"({reserved} for the answer), but the budget is {budget}"
    )
