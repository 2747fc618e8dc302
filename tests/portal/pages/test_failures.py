"""What failed is read again until it is mended, and nothing else."""

import re

import pytest

SOUND = ":orphan:\n\nSound\n=====\n"
FAULTS = {
    "reading": (":orphan:\n\nA\n=\n\n:none:`x`\n", "a.rst:6: ERROR: Unknown inter"),
    "writing": (":orphan:\n\nB\n=\n\n:math:`\\frac`\n", "b.rst:6: WARNING: KaTeX"),
    "references": (
        ":orphan:\n\nC\n=\n\n:ref:`gone`\n",
        "c.rst:6: WARNING: there is no label",
    ),
    "consistency": ("D\n=\n", "d.rst:1: WARNING: no table of contents lists it"),
}
BROKEN = {
    f"docs/{name}.rst": text
    for name, (text, _) in zip("abcd", FAULTS.values(), strict=True)
}
INTERRUPTED = """

def setup(app):
    def stop(app, pagename, *_):
        if pagename == "b" and os.environ.get("STOP"):
            raise KeyboardInterrupt
    app.connect("html-page-context", stop)
"""


def read(build):
    """The documents that a build has read."""
    found = re.findall(r"reading sources\.\.\. \[[ \d]+%\] (.+)", build.output)
    return {name for names in found for name in names.split(" .. ")}


def warnings(build):
    return sorted(re.findall(r".*(?:WARNING|ERROR): .*", build.output))


@pytest.mark.parametrize("options", [(), ("-j", "2")], ids=["alone", "side by side"])
def test_each_fault_is_told_until_it_is_mended(site, make_html, options):
    root = site(files={**BROKEN, "docs/sound.rst": SOUND})
    first = make_html(root, *options)
    for _, message in FAULTS.values():
        assert message in first.output
    again = make_html(root, *options)
    assert again.status != 0
    assert warnings(again) == warnings(first)
    assert read(again) == {"a", "b", "c", "d"}
    for path in BROKEN:
        (root / path).write_text(SOUND)
    mended = make_html(root, *options)
    assert mended.status == 0, mended.output
    assert read(mended) == {"a", "b", "c", "d"}
    assert read(make_html(root, *options)) == set()


def test_a_fault_of_no_document_is_told_again(site, make_html):
    twice = {"docs/references.bib": "@misc{a, title={T}}\n@misc{a, title={U}}\n"}
    root = site(files=twice)
    for _ in range(2):
        build = make_html(root)
        assert build.status != 0
        assert "repeated bibliography entry" in build.output


def test_pages_that_an_interrupted_build_did_not_write_are_written(
    site, make_html, monkeypatch, root
):
    settings = (root / "conf.py").read_text() + INTERRUPTED
    part = {"docs/part.txt": "Before.\n"}
    shown = ":orphan:\n\nB\n=\n\n.. include:: part.txt\n"
    folder = site(files={**part, "conf.py": settings, "docs/b.rst": shown})
    assert make_html(folder).status == 0
    (folder / "docs/part.txt").write_text("After.\n")
    monkeypatch.setenv("STOP", "1")
    assert make_html(folder).status != 0
    monkeypatch.delenv("STOP")
    build = make_html(folder)
    assert build.status == 0, build.output
    assert "After." in build.page("b")
