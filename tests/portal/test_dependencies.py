"""What the code imports is declared, and the lock keeps to what is declared."""

import ast
import doctest
import re
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from itertools import chain

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from portal.evidence.imports import imported_names

OURS = {"benchmarks", "portal", "snippets", "tests"}
# What libraries keep to themselves, and may change in any release without a warning.
PRIVATE = {
    "torch._convert_weight_to_int4pack_for_cpu": "what the page on the kernel is about",
    "torch._weight_int4pack_mm_for_cpu": "the same kernel",
    "torch.utils._python_dispatch": "the mode that PyTorch's own counters are made of",
    "torch.utils._pytree": "what a dispatch mode takes its arguments apart with",
    "layer._forward_pre_hooks": "says whether a hook was left",
    "model.config._attn_implementation": "says which attention was chosen",
    "operation._schema": "says whether an operation writes to its arguments",
    "transformers.generation.utils._speculative_sampling": "the rule, without a model",
    "T5Attention._relative_position_bucket": "the buckets, without a layer",
}


@pytest.fixture(scope="session")
def declared(root):
    """Requirements by the name of their group; those of the package under ``""``."""
    project = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))
    groups = {"": project["project"]["dependencies"], **project["dependency-groups"]}
    return {name: [Requirement(line) for line in groups[name]] for name in groups}


def code_of(path, text):
    """The code in a file: that of a module and of its docstrings, or of an article."""
    documents = [text]
    if path.endswith(".py"):
        kinds = (ast.Module, ast.ClassDef, ast.FunctionDef)
        nodes = [node for node in ast.walk(ast.parse(text)) if isinstance(node, kinds)]
        documents = [ast.get_docstring(node) or "" for node in nodes]
    examples = chain.from_iterable(map(doctest.DocTestParser().get_examples, documents))
    lines = [text if path.endswith(".py") else "", *(e.source for e in examples)]
    return "\n".join(lines)


@pytest.fixture(scope="session")
def sources(root):
    """The code in all files that are in git, by path."""
    command = ["git", "ls-files", "*.py", "docs/*.rst", "README.md"]
    listed = subprocess.run(
        command, cwd=root, capture_output=True, text=True, check=True
    )
    paths = listed.stdout.split()
    return {path: code_of(path, (root / path).read_text("utf-8")) for path in paths}


def undeclared(sources, requirements):
    """Paths and names of distributions that are imported beyond the requirements."""
    allowed = {canonicalize_name(requirement.name) for requirement in requirements}
    allowed |= {f"{r.name}-{extra}" for r in requirements for extra in r.extras}
    providers = packages_distributions()
    found = set()
    for path, text in sources.items():
        package = tuple(path.split("/")[:-1])
        tops = {name.split(".")[0] for name in imported_names(text, package)}
        for top in tops - OURS - sys.stdlib_module_names:
            names = {canonicalize_name(name) for name in providers.get(top, [top])}
            if not names & allowed:
                found.add((path, top))
    return found


def test_what_snippets_import_is_what_the_package_declares(sources, declared):
    snippets = {p: text for p, text in sources.items() if p.startswith("snippets/")}
    assert undeclared(snippets, declared[""]) == set()


def test_what_the_repository_imports_is_declared_in_some_group(sources, declared):
    everything = [line for group in declared.values() for line in group]
    assert undeclared(sources, everything) == set()


def test_the_lock_keeps_to_the_ranges(root, declared):
    lock = (root / "requirements.lock").read_text()
    pins = dict(re.findall(r"(?m)^([\w.-]+)==(\S+)", lock))
    wrong = {
        requirement.name: pins.get(canonicalize_name(requirement.name), "absent")
        for group in declared.values()
        for requirement in group
        if not requirement.specifier.contains(
            pins.get(canonicalize_name(requirement.name), "0"), prereleases=True
        )
    }
    assert wrong == {}


def private_names(text):
    """Names that begin with an underscore and belong to something else.

    >>> sorted(private_names("from a import _b; a._c; self._d; x._replace()"))
    ['a._b', 'a._c']
    """
    tree = ast.parse(text)
    found = {n for n in imported_names(text, ()) if re.search(r"(^|\.)_[a-z]", n)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and re.match(r"_[a-z]", node.attr):
            owner = ast.unparse(node.value)
            named_tuple = node.attr in ("_asdict", "_fields", "_make", "_replace")
            if not named_tuple and owner not in ("self", "cls", "super()"):
                found.add(f"{owner}.{node.attr}")
    return found


def test_private_names_of_libraries_are_those_listed_here(sources):
    used = set()
    for path, text in sources.items():
        if path.split("/")[0] in ("docs", "snippets", "tests"):
            used |= private_names(text)
    kept = {name for name in used if any(name.startswith(known) for known in PRIVATE)}
    assert used - kept == set()
    assert [known for known in PRIVATE if not any(known in name for name in kept)] == []


def test_caches_are_passed_by_position(sources):
    """The keyword of layers is another in each release of transformers.

    That of models and of ``generate``, ``past_key_values``, is always the same.
    """
    keyword = re.compile(r"\b(past_key_value|cache_params)=")
    assert [path for path, text in sources.items() if keyword.search(text)] == []
