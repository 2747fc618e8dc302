"""``make drift``: does the portal build and pass with other versions than the lock's?

Three environments, each made anew and given a clone of the last commit: that of the
``lock``, the ``lowest`` versions of what ``pyproject.toml`` names, and the ``newest``
of all. Where something fails, packages are put back to the version of the lock, one at
a time, which tells which of them broke what. A deprecation fails a test as any warning
does, so that it is traced to its package in the same way.

``docs/environments.json`` keeps the outcome, and *Status* shows it. uv and pip obey
``UV_CONSTRAINT`` and ``PIP_CONSTRAINT``, files of versions that this machine can have.
"""

import datetime
import json
import os
import platform
import re
import tomllib
from collections.abc import Iterable
from importlib.metadata import packages_distributions
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from portal.commands import resolver
from portal.commands.trial import Failures, Trial
from portal.evidence.imports import closure
from portal.overview.environments import RECORD
from portal.pages.history import commit

RESOLUTIONS = {"lowest": "--resolution=lowest-direct", "newest": "--upgrade"}
SHOWN = ("torch", "numpy", "sphinx", "transformers")


def pins(root: Path, name: str) -> str:
    """The versions of an environment, for the Python and the system that run this."""
    if name == "lock":
        return (root / "requirements.lock").read_text()
    asked = (*resolver.ranges(root), RESOLUTIONS[name])
    return resolver.without_cuda(resolver.compiled(root, *asked))


def held_back() -> list[str]:
    """What ``UV_CONSTRAINT`` keeps from being the newest."""
    files = os.environ.get("UV_CONSTRAINT", "").split()
    return [line for file in files for line in Path(file).read_text().splitlines()]


def direct(root: Path) -> set[str]:
    """The packages that ``pyproject.toml`` names."""
    project = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))
    groups = [
        project["project"]["dependencies"],
        *project["dependency-groups"].values(),
    ]
    names = (Requirement(line).name for each in groups for line in each)
    return {*map(canonicalize_name, names)}


def module_of(file: str) -> str:
    """The Python file behind a failing one: an article shows its snippet.

    >>> module_of("docs/attention/rope.rst"), module_of("tests/a/test_b.py")
    ('snippets/attention/rope.py', 'tests/a/test_b.py')
    """
    return re.sub(r"^docs/(.*)\.rst$", r"snippets/\1.py", file)


def reached(root: Path, files: Iterable[str]) -> set[str]:
    """The packages that files import, themselves or through files that they import."""
    modules = [root / module_of(file) for file in files]
    names = set().union(*(closure(m, root)[1] for m in modules if m.is_file()))
    providers = packages_distributions()
    return {canonicalize_name(d) for name in names for d in providers.get(name, [name])}


def fails(trial: Trial, known: Failures) -> Failures:
    """What still fails of what is known to."""
    files = {name.partition("::")[0] for name in known if "::" in name}
    failures = trial.test(sorted(files))[1] if files else {}
    return failures | (trial.build() if any("::" not in n for n in known) else {})


def changed(trial: Trial, known: Failures, lock: dict[str, str]) -> list[str]:
    """The packages that may have broken something: reached, and not as in the lock."""
    files = [re.sub(r"^make html: |::.*", "", name) for name in known]
    here = {name: text.split("+")[0] for name, text in trial.installed().items()}
    named = reached(trial.checkout, files) & direct(trial.checkout) & lock.keys()
    return sorted(name for name in named if here.get(name) != lock[name])


def blame(trial: Trial, known: Failures, lock: dict[str, str]) -> dict[str, list[str]]:
    """For each failure, the packages whose version in the lock takes it away.

    What passes when it is run again is blamed on no package.
    """
    here, broken = trial.installed(), {name: [] for name in known}
    again = fails(trial, known)
    for unsteady in known.keys() - again.keys():
        broken[unsteady].append("chance: it passes when run again")
    known = again
    for package in changed(trial, known, lock) if known else ():
        trial.install(f"{package}=={lock[package]}")
        for mended in known.keys() - fails(trial, known).keys():
            broken[mended].append(f"{package} {here[package]}")
        trial.install("-r", str(trial.folder / "pins.txt"))
    return broken


def attempt(trial: Trial, root: Path, name: str, paths: list[str]) -> dict:
    """The record of one environment: built and tested, or tested below the paths."""
    trial.start(root, pins(root, name))
    failures = {} if paths else trial.build()
    passed, failing = trial.test(paths)
    failures |= failing
    lock = dict(re.findall(r"(?m)^([\w.-]+)==([^\s;]+)", pins(root, "lock")))
    broken = blame(trial, failures, lock) if failures and name != "lock" else {}
    versions = trial.installed()
    return {
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "commit": commit(trial.checkout),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "versions": {name: versions[name] for name in SHOWN},
        "held back": held_back(),
        "tried": paths or ["everything"],
        "passed": passed,
        "failures": {
            what: {"why": why, "broken by": broken.get(what, [])}
            for what, why in sorted(failures.items())
        },
    }


def drift(root: Path, names: list[str], paths: list[str]) -> int:
    """Try the environments of these names; returns how many do not pass."""
    file, failed = root / RECORD, 0
    records = json.loads(file.read_text("utf-8")) if file.exists() else {}
    for name in names:
        trial = Trial(root.resolve() / "build/drift" / name)
        records[name] = record = attempt(trial, root, name, paths)
        file.write_text(json.dumps(records, indent=1) + "\n", "utf-8")
        failed += bool(record["failures"])
        print(f"{name}: {record['passed']} tests pass", flush=True)
        for what, found in record["failures"].items():
            packages = ", ".join(found["broken by"])
            print(f"  {what}: {found['why']}", f"({packages})" * bool(packages))
    return failed
