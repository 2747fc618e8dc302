"""Read the answer of a list-wise ranker: refuse it, repair it, or ask again.

An answer is JSON, such as ``{"ranking": ["m2", "m1"]}``, and should have each
candidate's identifier once.
"""

import json
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from snippets.recommenders.llm_offline_augmentation import Complete


def read_list(text: str) -> list[str]:
    """The identifiers of an answer, as they come; a ValueError says what is wrong."""
    try:
        ranking = json.loads(text)["ranking"]
    except (ValueError, RecursionError) as failed:
        raise ValueError(f"not JSON: {failed}") from None
    except (KeyError, TypeError, IndexError):
        raise ValueError("want an object with a list 'ranking'") from None
    if not isinstance(ranking, list) or not all(isinstance(x, str) for x in ranking):
        raise ValueError(f"want a list of identifiers, got {ranking!r}")
    return ranking


def parse_ranking(text: str, names: Sequence[str]) -> list[str]:
    """An answer that has each identifier once.

    Raises
    ------
    ValueError
        With all identifiers that are invented, repeated, or missing.

    Examples
    --------
    >>> parse_ranking('{"ranking": ["b", "a"]}', ["a", "b"])
    ['b', 'a']
    """
    ranking = read_list(text)
    times = Counter(ranking)
    problems = {
        "invented": [name for name in times if name not in names],
        "repeated": [name for name, count in times.items() if count > 1],
        "missing": [name for name in names if name not in times],
    }
    if found := [f"{kind}: {who}" for kind, who in problems.items() if who]:
        raise ValueError("; ".join(found))
    return ranking


def repair_places(text: str, names: Sequence[str]) -> dict[str, float]:
    """A place for each candidate, from 0, by what can be used of an answer.

    Invented names are left out, and the first mention counts. Candidates that are
    missing share the mean of the places that are left: to list them in the order of
    the prompt would bring its position bias back.

    Raises
    ------
    ValueError
        If less than half of the candidates are ranked; ask again.

    Examples
    --------
    >>> repair_places('{"ranking": ["c", "z", "c", "a"]}', ["a", "b", "c", "d"])
    {'a': 1.0, 'b': 2.5, 'c': 0.0, 'd': 2.5}
    """
    mentioned = dict.fromkeys(read_list(text))
    ranked = [name for name in mentioned if name in names]
    if 2 * len(ranked) < len(names):
        raise ValueError(f"only {len(ranked)} of {len(names)} candidates are ranked")
    shared = (len(ranked) + len(names) - 1) / 2
    return {
        name: float(ranked.index(name)) if name in ranked else shared for name in names
    }


class Answer(NamedTuple):
    places: dict[str, float]
    calls: int
    problem: str
    """Why the last answer had to be repaired; empty if it did not."""


def ask_for_ranking(
    prompt: str, names: Sequence[str], complete: Complete, attempts: int = 2
) -> Answer:
    """Ask until an answer is complete; the last one may be repaired."""
    if attempts < 1:
        raise ValueError(f"attempts must be positive, got {attempts}")
    for call in range(1, attempts + 1):
        text = complete(prompt)
        try:
            ranking = parse_ranking(text, names)
        except ValueError as failed:
            problem = str(failed)
        else:
            return Answer({x: float(ranking.index(x)) for x in names}, call, "")
    return Answer(repair_places(text, names), attempts, problem)
