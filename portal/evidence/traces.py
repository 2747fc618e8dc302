"""Evidence of a ``snippet`` with ``:shapes:``: what the lines bound in its sample call.

The directives are found in the text of the articles, before Sphinx reads them; one that
stands in a comment or is itself an example counts too. A result is filed by the call,
so that the directive finds it by what it says and no page needs a number.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from portal.evidence import files
from portal.evidence.inputs import digest, of_script
from portal.evidence.site import Site, documents
from portal.evidence.work import Work
from portal.text.utf8 import read

MAKER = "portal.worker.shapes:make"
DIRECTIVE = re.compile(r"( *)\.\. snippet:: +(\S+) *")
OPTION = re.compile(r"( *):(\w+):(?: +(.*))?")


@dataclass(frozen=True)
class Request:
    """A sample call of ``book.page.name``, as the options of the directive give it."""

    target: str
    call: str
    equal: str = ""

    @classmethod
    def of(cls, target: str, options: dict[str, str]) -> "Request":
        """From the options as written, over however many lines."""
        call, equal = (options.get(name) or "" for name in ("shapes", "equal"))
        return cls(target, " ".join(call.split()), " ".join(equal.split()))

    @property
    def groups(self) -> list[set[str]]:
        """Axes that may have the same size: ``:equal: q_len kv_len; heads batch``."""
        return [set(group.split()) for group in self.equal.split(";") if group]

    @property
    def path(self) -> str:
        """Where the result lies below the source folder.

        >>> Request("attention.rope.rotate", "rotate(x)").path
        'gallery/attention/rope.rotate.0ca2e0d6.shapes.json'
        """
        book, _, rest = self.target.partition(".")
        call = digest(f"{self.call}\n{self.equal}".encode())[:8]
        return files.shapes(book, f"{rest}.{call}")

    @property
    def task(self) -> str:
        return self.path.removeprefix("gallery/").removesuffix(".json")


def options(lines: list[str], indent: int) -> dict[str, str]:
    """The options of a directive that is indented by ``indent``; values may go on.

    >>> options(["  :shapes: f(x,", "           y)", "  :equal: a b", "", "  :no:"], 0)
    {'shapes': 'f(x, y)', 'equal': 'a b'}
    """
    found: dict[str, str] = {}
    inner, name = 0, ""
    for line in lines:
        width = len(line) - len(line.lstrip())
        if not line.strip() or width <= indent:
            break
        option = OPTION.fullmatch(line)
        if option and width == (inner or width):
            inner, name = width, option[2]
            found[name] = (option[3] or "").strip()
        elif name:
            found[name] = f"{found[name]} {line.strip()}".strip()
    return found


def requests(text: str) -> Iterator[tuple[int, Request]]:
    """The sample calls in an article, each with the line of its directive."""
    lines = text.splitlines()
    for number, line in enumerate(lines, start=1):
        if directive := DIRECTIVE.fullmatch(line):
            given = options(lines[number:], len(directive[1]))
            if "shapes" in given:
                yield number, Request.of(directive[2], given)


def work(site: Site) -> list[Work]:
    """One piece of work for each sample call, also if several pages show it."""
    root, made = Path(site.confdir), {}
    for article in documents(site):
        for line, request in requests(read(article)):
            module = f"snippets.{request.target.rpartition('.')[0]}"
            file = root.joinpath(*module.split(".")).with_suffix(".py")
            if file.is_file():  # if not, the directive reports it
                made.setdefault(request.path, _one(site, article, line, request, file))
    return list(made.values())


def _one(site: Site, article: Path, line: int, request: Request, file: Path) -> Work:
    root = Path(site.confdir)
    name = request.target.rpartition(".")[2]
    return Work(
        request.task,
        article,
        of_script(file, root, MAKER, request),
        MAKER,
        (root, file, name, request.call, request.groups, request.path),
        site.config.evidence_time_limit,
        line,
        site.config.evidence_memory_limit,
    )
