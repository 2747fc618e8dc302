"""Each mistake ends the build (or the tests) with file, line and cause."""

import subprocess
import sys

import pytest

ARTICLE = "docs/index.rst"
FIRST_LINE = 10  # of the body in the article that the fixture writes


@pytest.mark.parametrize(
    ("body", "cause"),
    [
        (
            ".. snippet:: attention.small.nowhere",
            "not define nowhere; choose from small",
        ),
        (".. snippet:: attention.none.small", "there is no module attention.none"),
        (".. math:: \\frac{1}", "\\frac"),
        ("The half :math:`\\half{`.", "\\half"),
        ("Shown by :cite:t:`nobody`.", "no source 'nobody' in docs/references.bib"),
        ("See :doc:`/attention/nowhere`.", "there is no page '/attention/nowhere'"),
        (
            "See :func:`snippets.attention.small.none`.",
            "there is no listing 'snippets.",
        ),
        (".. code-block:: python\n\n   x = 1", "Python that is not a doctest"),
        ("Text::\n\n   x = 1", "Python that is not a doctest"),
        (".. code-block:: julia\n\n   x = 1", "nothing tests 'julia'"),
        (">>> 1  # doctest: +SKIP\n2", "a skipped doctest"),
        (
            ".. gallery-figure:: small.line 7",
            "7; choose from small.line",
        ),
    ],
)
def test_mistake_in_an_article(site, make_html, body, cause):
    build = make_html(site(body))
    assert build.status != 0
    (line,) = [line for line in build.output.splitlines() if cause in line]
    place = line.split(": ")[0]
    assert place.rpartition(":")[0].endswith(ARTICLE)
    assert int(place.rpartition(":")[2]) in range(FIRST_LINE, FIRST_LINE + 3)


@pytest.mark.parametrize(
    ("statement", "cause"),
    [
        ("raise KeyError('lost')", "KeyError: 'lost'"),
        ("assert 1 > 2", "AssertionError"),
        ("import os; os._exit(0)", "os._exit(0)"),
        ("import sys; sys.exit(3)", "SystemExit: 3"),
        ("while True: pass", "still running after 5 s"),
        ("bytearray(2**31)", "out of memory: its limit is 1 GiB"),
        ("import torch; torch.ones(2**29)", "out of memory: its limit is 1 GiB"),
        (
            "a = [bytes(99999) for _ in iter(int, 1)]",
            "out of memory: its limit is 1 GiB",
        ),
        ("import ctypes; ctypes.string_at(0)", "killed by signal 11"),
        (
            "import socket; socket.create_connection(('192.0.2.1', 80))",
            "network refused",
        ),
    ],
)
def test_mistake_in_a_script(site, make_html, statement, cause, script):
    seconds = 5 if cause.startswith("still running") else 100
    limits = f"# sphinx_gallery_time_limit = {seconds}\n"
    limits += "# sphinx_gallery_memory_limit = 1\n"
    code = f"{script}{limits}{statement}\n"
    line = code.splitlines().index(statement) + 1
    build = make_html(site(files={"snippets/attention/plot_small_line.py": code}))
    assert build.status != 0
    assert f"snippets/attention/plot_small_line.py:{line}: " in build.output
    assert cause in build.output
    assert build.output.count("Traceback") <= 1
    assert build.output.count(f"line {line}, in <module>") <= 1


def test_script_that_cannot_be_parsed(site, make_html, script):
    code = script.replace("[0, 1])", "[0, 1]")
    build = make_html(site(files={"snippets/attention/plot_small_line.py": code}))
    assert build.status != 0
    assert "snippets/attention/plot_small_line.py:" in build.output
    assert "was never closed" in build.output


def test_figure_without_alternative_text(site, make_html, script):
    code = script.replace('fig.set_label("A line that rises.")\n', "")
    build = make_html(site(files={"snippets/attention/plot_small_line.py": code}))
    assert build.status != 0
    assert "snippets/attention/plot_small_line.py:7: " in build.output
    assert "figure without alternative text" in build.output


def test_script_without_figure(site, make_html, script):
    code = script.split("fig, ax")[0]
    build = make_html(site(files={"snippets/attention/plot_small_line.py": code}))
    assert build.status != 0
    assert "snippets/attention/plot_small_line.py:1: " in build.output
    assert "no figure" in build.output


def test_two_scripts_of_one_name(site, make_html, page_files):
    header = {"snippets/positions/GALLERY_HEADER.rst": "Positions\n=========\n"}
    build = make_html(site(files=header | page_files("positions", "small")))
    assert build.status != 0
    for book in ("attention", "positions"):
        assert f"docs/{book}/small.rst:1: WARNING: another book has" in build.output


@pytest.mark.parametrize(
    ("missing", "blamed"),
    [
        ("tests/attention/test_small.py", "docs/attention/small.rst"),
        ("snippets/attention/small.py", "docs/attention/small.rst"),
    ],
)
def test_page_without_one_of_its_files(site, make_html, missing, blamed):
    root = site()
    (root / missing).unlink()
    build = make_html(root)
    assert build.status != 0
    assert f"{blamed}:1: WARNING: the page needs {missing}" in build.output
    assert "xtension error" not in build.output


def test_failing_doctest(site, root):
    small = site(">>> 1 + 1\n3")
    command = [sys.executable, "-m", "pytest", "-c", root / "pyproject.toml", "-q"]
    command += ["--rootdir", small, "--doctest-glob=*.rst", small / ARTICLE]
    run = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    assert run.returncode == 1
    assert f"index.rst:{FIRST_LINE}: DocTestFailure" in run.stdout
    assert "Expected:\n    3\nGot:\n    2" in run.stdout


def test_every_failed_script_is_reported_and_the_others_are_kept(
    site, make_html, script, page_files
):
    bad = f"{script}raise ValueError('one')\n"
    files = {
        "snippets/attention/plot_small_line.py": bad,
        **page_files("attention", "good", f"{script}\n# good\n"),
        **page_files("attention", "worse", bad.replace("one", "two")),
    }
    root = site(files=files)
    build = make_html(root)
    assert build.status != 0
    assert "evidence: 2 of 6 failed" in build.output
    assert "ValueError: one" in build.output
    assert "ValueError: two" in build.output
    for page in ("small", "worse"):
        path = root / f"snippets/attention/plot_{page}_line.py"
        path.write_text(path.read_text().split("raise")[0] + f"# {page}\n")
    repaired = make_html(root)
    assert repaired.status == 0, repaired.output
    assert "plot_good_line.py " not in repaired.output.split("generating gallery")[0]


def test_interrupted_build_is_mended_by_the_next(site, make_html):
    root = site(".. gallery-figure:: small.line")
    assert make_html(root).status == 0
    for path in (root / "docs/gallery").rglob("*.rst"):
        path.chmod(0o644)
        path.write_text("half a fi")
    build = make_html(root)
    assert build.status == 0, build.output
    assert "A line that rises." in build.page()
