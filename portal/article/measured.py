"""`` :measured:`rope.error` `` puts a value that a gallery script measured into prose.

A script leaves ``measured = {"error": 3.2e-7, ...}`` as a global variable; a page names
the value by page and key, and may give it a format: `` :measured:`cce.ratio | .1f` ``.
Unknown names and values that are not finite are errors.
"""

import math
from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util import logging
from sphinx.util.docutils import SphinxRole

from portal.evidence import files, scripts
from portal.pages import mirror
from portal.pages.per_document import PerDocument
from portal.text.hint import hint

logger = logging.getLogger(__name__)

# The values that each document shows, by name.
shown = PerDocument[set[str]]("shown_values")


def known(env: BuildEnvironment, page: str) -> Path:
    """The file with what the scripts of ``page`` measured.

    Raises
    ------
    LookupError
        If no page of that name has scripts that ran.
    """
    source = Path(env.srcdir)
    found = next(source.glob(f"gallery/*/{page}.json"), None)
    if found is None:
        pages = [name for _, name in mirror.pages(source.parent)]
        raise LookupError(f"no script of {page!r} ran; {hint(page, pages)}")
    return found


def value(env: BuildEnvironment, name: str) -> float:
    """The value ``page.key``; the page that asks is read again when it changes.

    Raises
    ------
    LookupError
        If there is no such page or key.
    ValueError
        If the value is not finite.
    """
    page, _, key = name.partition(".")
    file = known(env, page)
    env.note_dependency(file)
    values = scripts.read(file).values
    if key not in values:
        raise LookupError(f"{page} measured no {key!r}; {hint(key, values)}")
    if not math.isfinite(values[key]):
        raise ValueError(f"{name} is {values[key]}")
    shown(env).setdefault(env.docname, set()).add(name)
    return values[key]


def parsed(text: str) -> tuple[str, str]:
    """Name and format.

    >>> parsed("cce.ratio | .1f"), parsed("cce.ratio")
    (('cce.ratio', '.1f'), ('cce.ratio', ''))
    """
    name, _, spec = (part.strip() for part in text.partition("|"))
    return name, spec


def formatted(number: float, spec: str) -> str:
    """The number as a reader sees it.

    >>> formatted(21.437, ".1f"), formatted(0.25, ".0%"), formatted(4096, ",d")
    ('21.4', '25%', '4,096')
    """
    number = round(number) if spec.endswith("d") else number
    return format(number, spec or ".3g")


class Measured(SphinxRole):
    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        name, spec = parsed(self.text)
        try:
            text = formatted(value(self.env, name), spec)
        except (LookupError, ValueError) as problem:
            message = self.inliner.reporter.error(
                f"no measured value {name}: {problem}", line=self.lineno
            )
            return [self.inliner.problematic(self.text, self.text, message)], [message]
        return [nodes.inline("", text, classes=["measured"])], []


def check_shown(app: Sphinx, env: BuildEnvironment) -> None:
    """Warn of each value that a script measured and no page shows."""
    names = set().union(*shown(env).values())
    for book, page in mirror.pages(Path(app.confdir)):
        file = files.page(Path(app.srcdir), book, page)
        found = scripts.read(file).measured_by if file.is_file() else {}
        for key, script in found.items():
            if f"{page}.{key}" not in names:
                path = Path(app.confdir, "snippets", book, f"{script}.py")
                logger.warning(
                    "no page shows the value %r: show or delete it",
                    key,
                    location=f"{path}:{scripts.line_of(path, key)}",
                    type="measured",
                )


def setup(app: Sphinx) -> None:
    shown.connect(app)
    app.connect("env-check-consistency", check_shown)
    app.add_role("measured", Measured())
