"""Fingerprints: what a script depends on, and that nothing else makes it stale."""

import shutil
from importlib.metadata import version

import pytest

from portal.evidence.build import listed
from portal.evidence.imports import closure
from portal.evidence.inputs import (
    changes,
    fingerprint,
    of_script,
    portal_part,
    unlike,
)
from portal.evidence.site import read

FILES = {
    "snippets/__init__.py": "",
    "snippets/a/__init__.py": "",
    "snippets/a/plot_page.py": "import torch\nfrom snippets.a.page import f\n",
    "snippets/a/page.py": """\
# sphinx_gallery_data = words.txt ../b/prices.csv
from . import shared
import snippets.b.other
""",
    "snippets/a/words.txt": "one",
    "snippets/b/prices.csv": "1",
    "snippets/a/shared.py": "import sklearn.svm\nimport math\n",
    "snippets/a/unrelated.py": "import numpy\n",
    "snippets/b/__init__.py": "",
    "snippets/b/other.py": "",
    "style.py": "",
}


@pytest.fixture
def repository(tmp_path, monkeypatch):
    """A site that is also where the portal lies; ``style`` makes its results."""
    monkeypatch.setattr("portal.evidence.inputs.HOME", tmp_path)
    for path, text in FILES.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    return tmp_path


def inputs(repository, settings="s"):
    script = repository / "snippets/a/plot_page.py"
    return of_script(script, repository, "style:make", settings)


def test_closure_follows_imports_and_packages(repository):
    files, packages = closure(repository / "snippets/a/plot_page.py", repository)
    assert {str(file.relative_to(repository)) for file in files} == {
        "snippets/__init__.py",
        "snippets/a/__init__.py",
        "snippets/a/plot_page.py",
        "snippets/a/page.py",
        "snippets/a/shared.py",
        "snippets/a/words.txt",
        "snippets/b/prices.csv",
        "snippets/b/__init__.py",
        "snippets/b/other.py",
    }
    assert packages == {"torch", "sklearn"}


@pytest.mark.parametrize("path", [p for p in FILES if "unrelated" not in p])
def test_each_input_changes_the_fingerprint(repository, path):
    before = inputs(repository)
    (repository / path).write_text(FILES[path] + "\n# changed\n")
    after = inputs(repository)
    assert fingerprint(after) != fingerprint(before)
    assert changes(before, after) == [path]


def test_the_order_of_inputs_does_not_matter():
    assert fingerprint({"a": "1", "b": "2"}) == fingerprint({"b": "2", "a": "1"})
    assert fingerprint({"a": "1", "b": "2"}) != fingerprint({"a": "2", "b": "1"})


def test_missing_data_is_named_with_its_line(repository):
    (repository / "snippets/a/words.txt").unlink()
    with pytest.raises(SyntaxError, match=r"words\.txt is missing") as raised:
        inputs(repository)
    assert raised.value.filename == str(repository / "snippets/a/page.py")
    assert raised.value.lineno == 1


def test_an_unrelated_file_does_not(repository):
    before = inputs(repository)
    (repository / "snippets/a/unrelated.py").write_text("x = 1")
    assert inputs(repository) == before


def test_settings_versions_and_python_are_inputs(repository):
    before = inputs(repository)
    assert changes(before, inputs(repository, "other")) == ["settings"]
    assert before["torch"][0].isdigit()
    assert before["sklearn"] == version("scikit-learn")
    assert before["python"].startswith("3.")


def test_moving_the_repository_changes_nothing(
    repository, tmp_path_factory, monkeypatch
):
    other = tmp_path_factory.mktemp("elsewhere") / "clone"
    before = inputs(repository)
    repository.rename(other)
    monkeypatch.setattr("portal.evidence.inputs.HOME", other)
    assert inputs(other) == before


def test_what_differs_from_another_machine_is_named(repository):
    known = inputs(repository)
    assert unlike(known, repository) == []
    assert unlike({**known, "torch": "0.1", "python": "2.7"}, repository) == [
        "python",
        "torch",
    ]
    (repository / "snippets/a/shared.py").unlink()
    assert unlike(known, repository) == ["snippets/a/shared.py"]


@pytest.fixture
def kinds(site):
    """A piece of work of each kind, by what makes its result."""
    example = ">>> 1 + 1\n2\n\n"
    body = ".. snippet:: attention.small.small\n   :shapes: small(torch.ones(2))"
    found = {work.maker: work for work in listed(read(site(example + body)))}
    assert len(found) == 4
    return found


def test_the_portals_part_of_a_result_is_what_runs_in_its_worker(kinds):
    """Not Sphinx's side: a reworded message there makes no evidence stale."""
    for work in kinds.values():
        own = {name for name in work.inputs if name.startswith("portal/")}
        assert "portal/worker/variables.py" in own
        rooms = {name.split("/")[1] for name in own}
        assert rooms <= {"__init__.py", "worker", "text"}
        assert not work.inputs.keys() & {"sphinx", "docutils"}


@pytest.mark.parametrize(
    ("changed", "stale"),
    [
        ("portal/worker/variables.py", True),
        ("portal/article/measured.py", False),
        ("portal/evidence/make.py", False),
    ],
)
def test_a_change_of_the_portal(site, root, tmp_path, monkeypatch, changed, stale):
    home = tmp_path / "home"
    shutil.copytree(root / "portal", home / "portal")
    monkeypatch.setattr("portal.evidence.inputs.HOME", home)
    site(">>> 1 + 1\n2\n\n")
    before = {work.name: work.key for work in listed(read(tmp_path))}
    (home / changed).write_text(f"{(home / changed).read_text()}\nMORE = 1\n")
    portal_part.cache_clear()
    after = {work.name: work.key for work in listed(read(tmp_path))}
    assert before.keys() == after.keys()
    assert {before[name] != after[name] for name in before} == {stale}


def test_packages_that_make_a_result_are_inputs(kinds):
    drawn = {"PIL": version("pillow"), "sphinx_gallery": version("sphinx-gallery")}
    for maker, work in kinds.items():
        assert (drawn.items() <= work.inputs.items()) == ("script" in maker)
        assert ("pytest" in work.inputs) == ("tests" in maker)
