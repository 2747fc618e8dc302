"""What pages cost: noted beside the evidence, shown by ``make status`` alone."""

import json

from portal.__main__ import main
from portal.overview.costs import Budget

MOVING = (
    "from matplotlib.animation import FuncAnimation\n\n"
    "moving = FuncAnimation(fig, lambda n: ax.set_title(str(n)), frames=30)\n"
)
CALL = (
    ".. snippet:: attention.small.small\n   :shapes: small(torch.ones(2))\n\n>>> 1\n1\n"
)


def test_status_shows_budgets_and_names_the_pages_above_them(
    site, script, make_html, capsys
):
    root = site(
        files={
            "docs/attention/small.rst": f"Small\n=====\n\n{CALL}",
            "snippets/attention/plot_small_line.py": f"{script}{MOVING}",
        }
    )
    build = make_html(root)
    assert build.status == 0, build.output
    assert main(["status"], root) == 0
    shown = capsys.readouterr().out
    assert "over: attention/small 30.0" in shown
    assert "nothing is known" not in shown
    known = json.loads((root / "build/status.json").read_text())["cpu"]
    page = "attention/small"
    for label in ("Computing of scripts", "Drawing", "Reference tests", "Traced calls"):
        assert known[label][page] > 0, label
    assert known["Doctests"][page] > 0
    assert known["Frames of animations"] == {page: 30}
    assert known["Sphinx"]["all pages"] > 0
    times = root / "build/evidence/.times.json"
    times.write_text(json.dumps({**json.loads(times.read_text()), "a/plot_old.py": 1}))
    assert main(["status"], root) == 0
    assert "and of 1 tasks, made before" in capsys.readouterr().out


def test_what_sphinx_takes_is_noted_when_it_reads_all_pages(site, make_html):
    root = site()
    make_html(root)
    note = root / "build/doctrees/cpu.json"
    whole = note.read_text()
    (root / "docs/attention/small.rst").write_text(
        (root / "docs/attention/small.rst").read_text() + "\nMore.\n"
    )
    make_html(root)
    assert note.read_text() == whole
    make_html(root, "-E")
    assert json.loads(note.read_text()) > json.loads(whole)


def test_only_what_is_above_a_budget_is_named_the_worst_first():
    budget = Budget("Drawing", 2.0, {"a/b": 2.0, "a/c": 2.5, "a/d": 9.0})
    assert budget.mean == 4.5
    assert str(budget).endswith("over: a/d 9.0, a/c 2.5")
    assert "over" not in str(Budget("Doctests", 0.0, {"a/b": 9.0}))
