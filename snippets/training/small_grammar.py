"""Sentences of 28 words, and how many arrangements of the same words are sentences.

A sentence is a subject, perhaps an adverb, and a verb that agrees with the subject in
number. A verb such as *sees* has an object. Without an object, the subject may have an
attachment, such as *near the cats*. Sentences have at most ``LONGEST`` words.

All arrangements of the same words that are sentences are equally probable, because the
probability of a sentence depends only on how many words of each class it has.
"""

import math
import random
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cache

LONGEST = 7
CLASSES = {
    "determiner": ("the", "my"),
    "adjective": ("big", "small", "old", "red"),
    "noun": ("dog", "cat", "bird", "king", "horse"),
    "nouns": ("dogs", "cats", "birds", "kings", "horses"),
    "adverb": ("often", "never"),
    "preposition": ("near", "behind"),
    "sleeps": ("sleeps", "waits"),
    "sleep": ("sleep", "wait"),
    "sees": ("sees", "likes"),
    "see": ("see", "like"),
}
WORDS = tuple(word for words in CLASSES.values() for word in words)
CLASS_OF = {word: name for name, words in CLASSES.items() for word in words}

# What may follow in each state: a class of words, and the state after it. The number
# of the subject (s or p) is remembered up to the verb.
RULES: dict[str, dict[str, str]] = {
    "start": {"determiner": "subject"},
    "subject": {"adjective": "subject noun", "noun": "s", "nouns": "p"},
    "subject noun": {"noun": "s", "nouns": "p"},
    "object": {"adjective": "object noun", "noun": "end", "nouns": "end"},
    "object noun": {"noun": "end", "nouns": "end"},
    "verb": {"determiner": "object"},
    "end": {},
}
for number, sleeps, sees in (("s", "sleeps", "sees"), ("p", "sleep", "see")):
    verbs = {sleeps: "end", sees: "verb"}
    attached = f"{number} attached"
    RULES |= {
        number: {"adverb": f"{number} adverb", "preposition": attached, **verbs},
        f"{number} adverb": verbs,
        attached: {"determiner": f"{attached} determiner"},
        f"{attached} determiner": {
            "adjective": f"{attached} noun",
            "noun": f"{attached} end",
            "nouns": f"{attached} end",
        },
        f"{attached} noun": {"noun": f"{attached} end", "nouns": f"{attached} end"},
        f"{attached} end": {"adverb": f"{attached} adverb", sleeps: "end"},
        f"{attached} adverb": {sleeps: "end"},
    }


def state_after(words: Sequence[str]) -> str | None:
    """The state of the grammar after these words; None if no sentence begins so."""
    state: str | None = "start"
    for word in words:
        if state is not None:
            state = RULES[state].get(CLASS_OF.get(word, ""))
    return state


def is_sentence(words: Sequence[str]) -> bool:
    """Whether the grammar allows these words in this order.

    Examples
    --------
    >>> is_sentence("the dog near my cats sleeps".split())
    True
    >>> is_sentence("my cats near the dog sleeps".split())
    False
    """
    return state_after(words) == "end" and len(words) <= LONGEST


@cache
def count_from(state: str, left: tuple[int, ...]) -> int:
    """Ways to use up the words that are left, in numbers of each of ``WORDS``."""
    if not any(left):
        return int(state == "end")
    return sum(
        count_from(after, (*left[:i], left[i] - 1, *left[i + 1 :]))
        for i, word in enumerate(WORDS)
        if left[i] and (after := RULES[state].get(CLASS_OF[word]))
    )


def arrangements(words: Sequence[str], begun: Sequence[str] = ()) -> int:
    """Number of different sentences that go on with exactly these words.

    Parameters
    ----------
    begun
        The words with which the sentence begins.

    Raises
    ------
    ValueError
        If there is no word at all, a word is unknown, or there are more than
        ``LONGEST``.

    Examples
    --------
    >>> arrangements("the dog sees my cat".split())
    4
    >>> arrangements("the dog sees the dogs".split())
    1
    """
    whole = [*begun, *words]
    if not 0 < len(whole) <= LONGEST or not set(whole) <= set(WORDS):
        raise ValueError(f"not 1 to {LONGEST} words of the grammar: {whole}")
    state, found = state_after(begun), Counter(words)
    return 0 if state is None else count_from(state, tuple(found[w] for w in WORDS))


def orders(words: Sequence[str]) -> int:
    """Number of different orders of the words, grammatical or not.

    Examples
    --------
    >>> orders("the dog sees the cat".split())
    60
    """
    same = math.prod(math.factorial(n) for n in Counter(words).values())
    return math.factorial(len(words)) // same


def all_classes() -> Iterator[tuple[str, ...]]:
    """Each sequence of classes that is a sentence."""
    open_ones: list[tuple[str, tuple[str, ...]]] = [("start", ())]
    while open_ones:
        state, classes = open_ones.pop()
        if state == "end":
            yield classes
        elif len(classes) < LONGEST:
            open_ones += [(a, (*classes, c)) for c, a in RULES[state].items()]


SHAPES = sorted(all_classes())


def draw_sentence(random: random.Random) -> list[str]:
    """Half of the sentences have an attachment; all else is equally likely."""
    attached = random.random() < 0.5
    shapes = [shape for shape in SHAPES if ("preposition" in shape) == attached]
    return [random.choice(CLASSES[name]) for name in random.choice(shapes)]


def numbers_differ(words: Sequence[str]) -> bool:
    """Whether a sentence has an attachment, and its two nouns differ in number.

    Examples
    --------
    >>> numbers_differ("the dog near my cats sleeps".split())
    True
    """
    classes = {CLASS_OF[word] for word in words}
    return {"preposition", "noun", "nouns"} <= classes
