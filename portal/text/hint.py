"""What an author may have meant by a name that does not exist."""

from collections.abc import Iterable
from difflib import get_close_matches
from textwrap import shorten


def hint(wrong: str, known: Iterable[str]) -> str:
    """The known name that is most like ``wrong``, or all of them if none is.

    >>> hint("rotat", ["rotate", "angles"]), hint("rope", ["positions/rope"])
    ('did you mean rotate?', 'did you mean positions/rope?')
    >>> hint("x", ["rotate", "angles"]), hint("x", [])
    ('choose from angles, rotate', 'there are none')
    """
    names = sorted(set(known))
    inner = [name for name in names if name.endswith((f"/{wrong}", f".{wrong}"))]
    if like := inner or get_close_matches(wrong, names, n=1):
        return f"did you mean {' or '.join(like)}?"
    if not names:
        return "there are none"
    return f"choose from {shorten(', '.join(names), 300, placeholder=' ...')}"
