"""Fingerprints: what a script depends on, and that nothing else makes it stale."""

from importlib.metadata import version

import pytest

from portal.evidence.build import listed
from portal.evidence.inputs import changes, closure, fingerprint, of_script, unlike
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
def repository(tmp_path):
    for path, text in FILES.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    return tmp_path


def inputs(repository, settings="s"):
    script = repository / "snippets/a/plot_page.py"
    return of_script(script, repository, [repository / "style.py"], settings)


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


def test_moving_the_repository_changes_nothing(repository, tmp_path_factory):
    other = tmp_path_factory.mktemp("elsewhere") / "clone"
    before = inputs(repository)
    repository.rename(other)
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


def test_each_kind_knows_its_variables_and_what_draws_its_images(site):
    body = ".. snippet:: attention.small.small\n   :shapes: small(torch.ones(2))"
    wanted = listed(read(site(body)))
    assert {work.file.suffix for work in wanted} == {".py", ".rst"}
    assert len(wanted) == 3
    for work in wanted:
        assert "environment.py" in work.inputs, work.name
        drawn = {
            "pillow": version("pillow"),
            "sphinx-gallery": version("sphinx-gallery"),
        }
        is_script = work.file.name.startswith("plot_")
        assert (drawn.items() <= work.inputs.items()) == is_script
