"""What the directives of each document leave, until all documents are read.

::

    claims = PerDocument[list[Claim]]("claims")   # in a module
    claims(env)[docname] = [...]                  # in a directive
    claims.connect(app)                           # in the module's setup
"""

from typing import Generic, TypeVar

from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment

T = TypeVar("T")


class PerDocument(Generic[T]):
    """A table in the environment, by document.

    What a document left goes when it is read again or removed; what another process has
    read is brought in.
    """

    def __init__(self, name: str) -> None:
        self.attribute = f"portal_{name}"

    def __call__(self, env: BuildEnvironment) -> dict[str, T]:
        if not hasattr(env, self.attribute):
            setattr(env, self.attribute, {})
        return getattr(env, self.attribute)

    def purge(self, app: Sphinx, env: BuildEnvironment, docname: str) -> None:
        self(env).pop(docname, None)

    def merge(
        self,
        app: Sphinx,
        env: BuildEnvironment,
        docnames: set[str],
        other: BuildEnvironment,
    ) -> None:
        theirs = self(other)
        self(env).update({name: theirs[name] for name in docnames if name in theirs})

    def connect(self, app: Sphinx) -> None:
        app.connect("env-purge-doc", self.purge)
        app.connect("env-merge-info", self.merge)
