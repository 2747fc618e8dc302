"""What ``make drift`` found, on the status page."""

import json

PAGE = "Status\n======\n\n.. environments::\n"
TOCTREE = "\n\n.. toctree::\n   :hidden:\n\n   status\n"
RECORD = {
    "date": "2026-02-03",
    "commit": "0123456789",
    "python": "3.11.7",
    "system": "Linux x86_64",
    "versions": {"torch": "2.13.0"},
    "held back": ["torch<2.14"],
    "tried": ["everything"],
    "passed": 12,
    "failures": {},
}


def test_table_follows_the_record(site, make_html):
    root = site(TOCTREE, {"docs/status.rst": PAGE})
    build = make_html(root)
    assert build.status == 0, build.output
    assert build.page("status").count("not yet") == 3
    assert build.page("status").count("table-wrapper") == 1
    (root / "docs/environments.json").write_text(json.dumps({"lock": RECORD}))
    page = make_html(root).page("status")
    assert page.count("not yet") == 2
    assert "2026-02-03, at 0123456789" in page
    assert (
        "Python 3.11.7, Linux x86_64, torch 2.13.0, held back to torch&lt;2.14" in page
    )
    assert "the site builds, 12 tests pass" in page
