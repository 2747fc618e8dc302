"""When to read a note again: the SM-2 schedule.

Wozniak (1990), Optimization of Learning, https://super-memory.com/english/ol/sm2.htm

Symbols::

    EF    easiness             q    quality of the answer, 0 to 5
    I(n)  days until the next repetition
"""

import math
from typing import NamedTuple


class Note(NamedTuple):
    """What the schedule keeps of a note."""

    repetitions: int = 0
    easiness: float = 2.5
    days: int = 0


def review(note: Note, quality: int) -> Note:
    """The note after an answer; ``days`` says when to ask again.

    An answer below 3 starts the intervals anew and leaves the easiness as it is. The
    next interval is computed with the easiness before the answer. SM-2 also repeats
    answers below 4 on the same day; that is left to the caller.

    Raises
    ------
    ValueError
        If ``quality`` is not from 0 to 5.

    Examples
    --------
    >>> note, days = Note(), []
    >>> for quality in (4, 4, 4, 2, 5):
    ...     note = review(note, quality)
    ...     days.append(note.days)
    >>> days
    [1, 6, 15, 1, 6]
    """
    if quality not in range(6):
        raise ValueError(f"quality {quality} is not from 0 to 5")
    if quality < 3:
        return Note(1, note.easiness, 1)
    miss = 5 - quality
    # Hundredths are kept exact: else 51.0 may come out above 51 and be rounded up.
    easiness = round(max(1.3, note.easiness + 0.1 - miss * (0.08 + miss * 0.02)), 2)
    count = note.repetitions + 1
    longer = math.ceil(round(note.days * note.easiness, 2))
    days = {1: 1, 2: 6}.get(count, longer)
    return Note(count, easiness, days)
