"""What stands around every page is the same on all of them."""

import re
import shutil

import pytest

from portal.article import widget


def versions(folder):
    """Under which names the pages load the portal's style sheet."""
    pages = [page.read_text("utf-8") for page in folder.rglob("html/**/*.html")]
    return {
        found for page in pages for found in re.findall(r"portal\.css\?v=\w+", page)
    }


def test_all_pages_name_a_style_sheet_that_changed_anew(site, start):
    """In processes of their own, since Sphinx remembers digests while one runs."""
    folder = site()
    static = folder / "docs/_static"
    source = static.resolve()
    static.unlink()
    shutil.copytree(source, static)
    found = []
    for rule in ("a {}", "b {}"):
        (static / "portal.css").write_text(rule)
        build = start(folder)
        output, _ = build.communicate()
        assert build.returncode == 0, output
        found.append(versions(folder))
    assert [len(names) for names in found] == [1, 1]
    assert found[0] != found[1]


@pytest.mark.parametrize("name", ["widget.js", "finetuning/gpt.wasm"])
def test_all_pages_name_a_module_that_changed_anew(
    site, make_html, monkeypatch, tmp_path, name
):
    """A module may import another one, as all widgets do, and load files later."""
    modules = tmp_path / "modules"
    shutil.copytree(widget.FOLDER, modules)
    monkeypatch.setattr(widget, "FOLDER", modules)
    figure = "   .. gallery-figure:: small.line\n\n      A caption."
    root = site(f".. widget:: lsh_curve\n\n{figure}")
    found = []
    for line in ("// one\n", "// two\n"):
        (modules / name).write_text(line)
        build = make_html(root)
        assert build.status == 0, build.output
        found += re.findall(r"lsh_curve\.js\?v=\w+", build.page())
    assert len(set(found)) == 2
    assert (build.html / "_static/widgets" / name).read_text() == "// two\n"
