"""What is made of Lighthouse's reports; a stand-in writes them."""

import json
import stat
import subprocess
import sys

import pytest

from portal.inspect import browser, lighthouse

STAND_IN = """#!{python}
import sys, urllib.request
from pathlib import Path
urllib.request.urlopen(sys.argv[1]).read()  # fails if the page is not served
option = next(word for word in sys.argv if word.startswith("--output-path="))
Path(option.partition("=")[2]).write_text({text!r})
sys.exit({status})
"""


def report(**given):
    """A report in Lighthouse's form, with 1 in every category that is not given."""
    return {
        "categories": {
            name: {
                "score": given.get(name, 1),
                "auditRefs": [
                    {"id": f"{name}-of-weight", "weight": 3},
                    {"id": f"{name}-for-show", "weight": 0},
                ],
            }
            for name in lighthouse.LEAST
        },
        "audits": {
            f"{name}-{kind}": {
                "id": f"{name}-{kind}",
                "title": f"About {name}",
                "score": given.get(name, 1) if kind == "of-weight" else 0,
                "displayValue": "2.0 s",
            }
            for name in lighthouse.LEAST
            for kind in ("of-weight", "for-show")
        },
    }


@pytest.fixture
def judged(tmp_path, monkeypatch):
    """Judges a built site of one page by a stand-in that reports this."""
    monkeypatch.setattr(lighthouse, "PAGES", ("index",))
    monkeypatch.setattr(browser, "installed", lambda: "/chromium")

    def judge(found, status=0):
        (tmp_path / "build/html").mkdir(parents=True)
        (tmp_path / "build/html/index.html").write_text("<p>Page.")
        program = tmp_path / "build/node/node_modules/.bin/lighthouse"
        program.parent.mkdir(parents=True)
        text = STAND_IN.format(
            python=sys.executable, text=json.dumps(found), status=status
        )
        program.write_text(text)
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
        return lighthouse.judge(tmp_path)

    return judge


def test_full_marks_are_enough(judged, capfd):
    assert judged(report()) == 0
    said = "performance 100, accessibility 100, best-practices 100, seo 100"
    assert capfd.readouterr().out == f"index {said}\n"


def test_what_costs_points_is_told(judged, capfd):
    assert judged(report(performance=0.94, accessibility=0.99)) == 2
    *_, first, second = capfd.readouterr().out.splitlines()
    assert first == "  About performance: 2.0 s"
    assert second == "  About accessibility: 2.0 s"


def test_95_of_100_is_enough_where_speed_counts(judged):
    assert judged(report(performance=0.95)) == 0


def test_a_failure_is_no_score(judged):
    with pytest.raises(subprocess.CalledProcessError):
        judged(report(), status=1)
