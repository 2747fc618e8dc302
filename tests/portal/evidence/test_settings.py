"""Settings in comments: what is only like one is told what it should be."""

import pytest

from portal.evidence.settings import ANYWHERE, SCRIPT, problems


@pytest.mark.parametrize(
    ("comment", "cause"),
    [
        (
            "# sphinx_gallery_time_limit=2",
            "did you mean # sphinx_gallery_time_limit = 2",
        ),
        (
            "#sphinx_gallery_time_limit = 2",
            "did you mean # sphinx_gallery_time_limit = 2",
        ),
        (
            "# sphinx_gallery_timelimit: 2",
            "did you mean # sphinx_gallery_time_limit = 2",
        ),
        (
            "# Sphinx-Gallery time limit = 2",
            "did you mean # sphinx_gallery_time_limit = 2",
        ),
        ("# sphinx_galery_data = a b", "did you mean # sphinx_gallery_data = a b?"),
        ("# sphinx_gallery_time_limit = two", "takes a whole number, not 'two'"),
        ("# sphinx_gallery_time_limit = 0", "takes a whole number, not '0'"),
        ("# sphinx_gallery_data", "sphinx_gallery_data takes files, not ''"),
        (
            "# sphinx_gallery_colour = red",
            "no setting sphinx_gallery_colour here; choose",
        ),
        ("x = 1  # sphinx_gallery_time_limit = 2", "a setting begins its line"),
    ],
)
def test_a_near_miss_is_told_with_its_line(comment, cause):
    ((line, found),) = problems(f"import os\n\n{comment}\n", SCRIPT)
    assert line == 3
    assert cause in found


@pytest.mark.parametrize(
    "text",
    [
        "# sphinx_gallery_time_limit = 2",
        "# sphinx_gallery_data = words.txt ../b/prices.csv",
        "# sphinx_gallery_defer_figures",
        "# Sphinx-Gallery runs this script with a time limit.",
        "# time = 3",
        "'# sphinx_gallery_time_limit=2'",
        "def f(:  # cannot be parsed",
    ],
)
def test_what_is_right_or_no_setting_passes(text):
    assert list(problems(text, SCRIPT)) == []


def test_a_limit_of_a_module_would_be_ignored():
    ((line, cause),) = problems("# sphinx_gallery_time_limit = 2", ANYWHERE)
    assert (line, cause[:45]) == (1, "there is no setting sphinx_gallery_time_limit")


def test_all_are_reported_before_anything_runs(site, make_html, script, ran):
    files = {
        "snippets/attention/plot_small_line.py": (
            f"{script}# sphinx_gallery_memory = 2\nopen('ran', 'a').write('ran ')\n"
        ),
        "snippets/attention/small.py": "# sphinx_gallery_dat = a.csv\n",
    }
    root = site(files=files)
    build = make_html(root)
    assert build.status != 0
    assert (
        "plot_small_line.py:13: ERROR: did you mean # sphinx_gallery_memory"
        in build.output
    )
    assert "small.py:1: ERROR: did you mean # sphinx_gallery_data = a" in build.output
    assert not ran(root)
