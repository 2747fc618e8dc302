"""Which pages to write again because what they show of other pages has changed."""

import hashlib
from collections.abc import Mapping

from sphinx.environment import BuildEnvironment


def changed(env: BuildEnvironment, key: str, shown: Mapping[str, object]) -> list[str]:
    """Documents that show something else than in the last build.

    ``shown`` says what each document shows, and ``key`` tells one kind of what is shown
    from others.
    """
    known = env.__dict__.setdefault("portal_shown", {})
    old = known.get(key, {})
    known[key] = {
        name: hashlib.sha256(repr(view).encode()).digest()
        for name, view in shown.items()
    }
    return [name for name, digest in known[key].items() if old.get(name) != digest]
