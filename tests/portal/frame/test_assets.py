"""What stands around every page is the same on all of them."""

import re
import shutil


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
