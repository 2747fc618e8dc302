"""What is known of the run of an article's code, as a machine reads it.

Its tests compared it with other implementations; its scripts took some time; packages
have versions, and the files of the page a last commit.
"""

import ast
import sys
from dataclasses import dataclass
from pathlib import Path

from sphinx.environment import BuildEnvironment

from portal.evidence import files, scripts
from portal.evidence.imports import closure
from portal.pages import mirror
from portal.pages.history import last_commit, last_date
from portal.worker.versions import installed


@dataclass(frozen=True)
class Reference:
    """What one package computed, over all inputs on which it was compared."""

    package: str
    version: str
    names: list[str]
    inputs: int
    error: float

    def __str__(self) -> str:
        who = " ".join(filter(None, [self.package, self.version]))
        names = f" ({listed(self.names)})" if self.names else ""
        how = f"within {self.error:.0e}" if self.error else "exactly"
        return f"{who}{names}, {how} on {self.inputs} input{'s' * (self.inputs != 1)}"


def listed(names: list[str]) -> str:
    """Names as a list in a sentence.

    >>> listed(["a"]), listed(["a", "b"]), listed(["a", "b", "c"])
    ('a', 'a and b', 'a, b, and c')
    """
    if len(names) < 3:
        return " and ".join(names)
    return f"{', '.join(names[:-1])}, and {names[-1]}"


def references(notes: list[dict]) -> list[Reference]:
    """Notes of single comparisons, joined by package; libraries come first.

    >>> def note(name, error):
    ...     return {"reference": name, "version": "2.13.0+cpu", "error": error}
    >>> for reference in references([
    ...     note("loops", 0), note("torch.nn.sdpa", 4e-16), note("torch.topk", 0)
    ... ]):
    ...     print(reference)
    torch 2.13.0 (sdpa and topk), within 4e-16 on 2 inputs
    loops, exactly on 1 input
    """
    groups: dict[str, list[dict]] = {}
    for note in sorted(notes, key=lambda note: "." not in note["reference"]):
        package, dot, _ = note["reference"].partition(".")
        groups.setdefault(package if dot else note["reference"], []).append(note)
    found = []
    for package, own in groups.items():
        names = [note["reference"].rpartition(".") for note in own]
        dotted = list(dict.fromkeys(name for _, dot, name in names if dot))
        version = own[0]["version"].partition("+")[0] if dotted else ""
        error = max(note["error"] for note in own)
        found.append(Reference(package, version, dotted, len(own), error))
    return found


def checked(test: Path) -> str:
    """What the tests say of themselves: the first sentence of their docstring."""
    docstring = ast.get_docstring(ast.parse(test.read_text("utf-8"))) or test.stem
    return " ".join(docstring.split("\n\n")[0].split()).rstrip(".")


def facts(env: BuildEnvironment, book: str, page: str) -> dict:
    """Everything that line and details say, as a machine reads it."""
    root, source = Path(env.srcdir).parent, Path(env.srcdir)
    own, joined = mirror.places(book, page), files.page(source, book, page)
    agreements = files.agreements(source, book, page)
    runs = [files.run(source, book, name) for name in scripts.read(joined).names]
    for file in (joined, agreements, *runs, root / own.test):
        env.note_dependency(file)
    _, packages = closure(root / own.module, root)
    used = sorted(packages & {"numpy", "scipy", "torch"}) or ["numpy"]
    return {
        "agreements": files.read(agreements),
        "checked": checked(root / own.test),
        "commit": last_commit(env, env.docname),
        "date": last_date(env, env.docname),
        "seconds": sum(files.read(run)["seconds"] for run in runs),
        "versions": {
            "Python": f"{sys.version_info.major}.{sys.version_info.minor}",
            **{name: installed(name) for name in used},
        },
    }
