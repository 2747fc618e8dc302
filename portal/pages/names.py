"""What a page may be called: its name is that of a Python module, and its address."""

import re
import sys
from importlib.util import find_spec
from keyword import iskeyword

PLAIN = re.compile(r"[a-z][a-z0-9_]*")
# Names without a subject, and those that a page's own files and the site take.
VAGUE = {"common", "helpers", "misc", "tools", "util", "utils"}
TAKEN = re.compile(r"index|conftest|(plot|test)_.*")


def problem(name: str) -> str:
    """Why a page cannot be called so; empty if it can.

    >>> problem("ring_attention"), problem("Perceiver-IO")
    ('', 'a name has lower-case letters, digits and underscores, as perceiver_io')
    >>> problem("lambda"), problem("tokenize")
    ('lambda is a keyword of Python', 'tokenize is a module of Python')
    >>> problem("utils"), problem("test_time_training")
    ('utils names no subject', 'names like index, plot_... and test_... are reserved')
    """
    if not PLAIN.fullmatch(name):
        better = re.sub(r"\W+", "_", name).strip("_").lower()
        allowed = "a name has lower-case letters, digits and underscores"
        return f"{allowed}, as {better}" if PLAIN.fullmatch(better) else allowed
    if TAKEN.fullmatch(name):
        return "names like index, plot_... and test_... are reserved"
    if iskeyword(name):
        return f"{name} is a keyword of Python"
    if name in sys.stdlib_module_names:
        return f"{name} is a module of Python"
    return f"{name} names no subject" if name in VAGUE else ""


def shadowed(name: str) -> str:
    """The installed package that a module of that name would hide from its script.

    A script that a reader runs looks for imports in its own folder first.

    >>> shadowed("matplotlib"), shadowed("ring_attention")
    ('an installed package is called matplotlib', '')
    """
    return f"an installed package is called {name}" if find_spec(name) else ""
