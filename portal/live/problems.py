"""Problems of a build, read from what Sphinx wrote of them (``sphinx -w FILE``)."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from textwrap import dedent

START = re.compile(
    r"^(?:(?P<place>\S[^\n]*?): )?(?:WARNING|ERROR|CRITICAL): ", re.MULTILINE
)
CRASH = re.compile(  # the report of an exception that ended the build
    r"(?:^[^\n]*!\n\n)?^Versions\n=+\n.*^Traceback\n=+\n"
    r"(?P<trace>.*?)^The full traceback",
    re.MULTILINE | re.DOTALL,
)
FRAME = re.compile(r'File "(?P<file>[^"/<.][^"]*)", line (?P<line>\d+)')
SYNTAX = re.compile(r"\((?P<file>[^()/]+), line (?P<line>\d+)\)$", re.MULTILINE)


@dataclass(frozen=True)
class Problem:
    """Where something is wrong, ``file:line`` as far as it is known, and what."""

    place: str
    message: str


def place(trace: str) -> str:
    """The innermost place of the site in a traceback; empty if there is none.

    >>> place('Traceback:\\n  File "conf.py", line 3\\n  File "/lib/x.py", line 5')
    'conf.py:3'
    """
    named = [*FRAME.finditer(trace), *SYNTAX.finditer(trace)]
    return f"{named[-1]['file']}:{named[-1]['line']}" if named else ""


def problems(text: str, root: str) -> Iterator[Problem]:
    """Each problem of a build, its place relative to ``root``.

    >>> text = "/a/docs/b.rst:5: ERROR: Unknown.\\n  More.\\nWARNING: odd\\n"
    >>> for problem in problems(text, "/a"):
    ...     print(problem)
    Problem(place='docs/b.rst:5', message='Unknown.\\n  More.')
    Problem(place='', message='odd')
    """
    text = text.replace(f"{root}/", "")
    if crash := CRASH.search(text):
        yield Problem(place(crash["trace"]), dedent(crash["trace"]).strip())
        text = text[: crash.start()]
    starts = list(START.finditer(text))
    bounds = [*(match.start() for match in starts), len(text)]
    for match, end in zip(starts, bounds[1:], strict=True):
        yield Problem(match["place"] or "", text[match.end() : end].strip())
