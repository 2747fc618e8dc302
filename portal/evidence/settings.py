"""Settings in comments of scripts, modules and tests; a misspelled one stops the build.

::

    # sphinx_gallery_data = prices.csv       a file that a script, module or test reads
    # sphinx_gallery_time_limit = 300        seconds that a script may take
    # sphinx_gallery_memory_limit = 8        GiB that it may take

Those of Sphinx-Gallery itself that are of use here are in ``SCRIPT``. Each stands on a
line of its own, written as above.
"""

import io
import re
import tokenize
from collections.abc import Iterator
from difflib import get_close_matches
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.util import logging

from portal.order import Inited
from portal.text.utf8 import read

PREFIX = "sphinx_gallery_"
NUMBER, FILES, SWITCH, NOTHING = r"[1-9]\d*", ".+", "True|False", ""
TAKES = {NUMBER: "a whole number", FILES: "files", SWITCH: SWITCH, NOTHING: "no value"}
ANYWHERE = {"data": FILES}
SCRIPT = {
    **ANYWHERE,
    "time_limit": NUMBER,
    "memory_limit": NUMBER,
    "thumbnail_number": NUMBER,
    "thumbnail_path": FILES,
    "line_numbers": SWITCH,
    "defer_figures": NOTHING,
    "start_ignore": NOTHING,
    "end_ignore": NOTHING,
}

HASH = re.compile("#").finditer

logger = logging.getLogger(__name__)


def spelled(comment: str) -> tuple[str, str]:
    """Name and value of what may be meant as a setting, however it is written.

    >>> spelled("#Sphinx-Gallery time limit: 3")
    ('sphinx_gallery_time_limit', '3')
    """
    name, _, value = re.sub("[:=]", "=", comment, count=1).partition("=")
    return re.sub(r"[\s-]+", "_", name.strip("# ").lower()), value.strip()


def is_meant(comment: str) -> bool:
    """Whether somebody means a comment as a setting.

    >>> is_meant("#sphinx-gallery_timelimit: 3"), is_meant("# sphinx galery data = a")
    (True, True)
    >>> is_meant("# Sphinx-Gallery runs this"), is_meant("# limit = 3")
    (False, False)
    """
    if re.match(r"#+\s*sphinx[-_]?gallery[-_]\w", comment, re.IGNORECASE):
        return True
    name, value = spelled(comment)
    names = [PREFIX + known for known in SCRIPT]
    return bool(value and get_close_matches(name, names, cutoff=0.8))


def may_have_settings(text: str) -> bool:
    """Whether it is worth telling comments from strings, which takes long.

    >>> may_have_settings('"#"; # sphinx_gallery_data=a'), may_have_settings("# a = 1")
    (True, False)
    """
    lines = (line for line in text.splitlines() if "#" in line)
    return any(is_meant(line[at.start() :]) for line in lines for at in HASH(line))


def problem(comment: str, known: dict[str, str]) -> str:
    """What is wrong with a setting; empty if nothing is.

    >>> problem("# sphinx_gallery_time_limits=2", SCRIPT)
    'did you mean # sphinx_gallery_time_limit = 2?'
    >>> problem("# sphinx_gallery_time_limit = 2 s", SCRIPT)
    "sphinx_gallery_time_limit takes a whole number, not '2 s'"
    >>> problem("# sphinx_gallery_limit = 2", ANYWHERE)
    'there is no setting sphinx_gallery_limit here; choose from sphinx_gallery_data'
    """
    name, value = spelled(comment)
    full = [PREFIX + one for one in known]
    close = get_close_matches(name.removeprefix(PREFIX), known, n=1)
    close += get_close_matches(name, full, n=1, cutoff=0.9)
    if not close:
        return f"there is no setting {name} here; choose from {', '.join(full)}"
    key = close[0].removeprefix(PREFIX)
    if not re.fullmatch(known[key], value):
        return f"{PREFIX}{key} takes {TAKES[known[key]]}, not {value!r}"
    right = f"# {PREFIX}{key} = {value}".removesuffix(" = ")
    return "" if comment == right else f"did you mean {right}?"


def problems(text: str, known: dict[str, str]) -> Iterator[tuple[int, str]]:
    """Line and cause of each setting of a file that is wrong."""
    if not may_have_settings(text):
        return
    try:
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            if token.type == tokenize.COMMENT and is_meant(token.string):
                wrong = problem(token.string, known)
                if not wrong and token.start[1]:
                    wrong = "a setting begins its line"
                if wrong:
                    yield token.start[0], wrong
    except (tokenize.TokenError, SyntaxError):
        return  # whoever runs the file says so


def check(app: Sphinx) -> None:
    """Report the settings that are wrong; end the build if any is."""
    root, wrong = Path(app.confdir), False
    code = [*root.glob("snippets/*/*.py"), *root.glob("tests/*/*.py")]
    for file in sorted(code):
        known = SCRIPT if file.name.startswith("plot_") else ANYWHERE
        for line, cause in problems(read(file), known):
            wrong = True
            logger.error(cause, location=f"{file}:{line}")
    if wrong:
        raise SystemExit(1)


def setup(app: Sphinx) -> None:
    app.connect("builder-inited", check, priority=Inited.SETTINGS)
