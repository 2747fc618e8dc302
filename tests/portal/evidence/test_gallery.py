"""The contact points with Sphinx-Gallery, and when scripts run again."""

import inspect
import os
import re
import shutil

import pytest
from sphinx_gallery import gen_rst

RAN = "attention/plot_small_line.py "


def before_gallery(build):
    """What the build said before Sphinx-Gallery began."""
    assert build.status == 0, build.output
    return build.output.split("generating gallery...")[0]


def test_contact_points_are_where_they_were():
    parameters = list(inspect.signature(gen_rst.generate_file_rst).parameters)
    assert parameters == ["fname", "target_dir", "src_dir", "gallery_conf"]
    assert list(inspect.signature(gen_rst.md5sum_is_current).parameters) == [
        "src_file",
        "mode",
    ]


def test_sphinx_gallery_executes_nothing_itself(site, make_html, script):
    code = f"{script}\nimport os\n\nopen('.ran', 'a').write(f'{{os.getppid()}}\\n')\n"
    root = site(files={"snippets/attention/plot_small_line.py": code})
    for _ in range(2):
        build = make_html(root)
        assert build.status == 0, build.output
    parents = (root / "snippets/attention/.ran").read_text().split()
    assert len(parents) == 1
    assert int(parents[0]) != os.getpid()


def test_gallery_page_has_notebook_script_and_figure(site, make_html):
    build = make_html(site())
    assert build.status == 0, build.output
    page = build.page("gallery/attention/plot_small_line")
    for name in ("plot_small_line.ipynb", "plot_small_line.py"):
        assert f"/{name}" in page
        assert list(build.html.glob(f"_downloads/*/{name}"))
    assert "sphx_glr_plot_small_line_001.svg" in page
    assert "sphx_glr_plot_small_line_thumb.png" in build.page("gallery/index")


def test_a_changed_module_runs_its_dependents_again(site, make_html, script):
    code = script.replace(
        "import matplotlib", "import snippets.attention.small\nimport matplotlib"
    )
    root = site(files={"snippets/attention/plot_small_line.py": code})
    make_html(root)
    assert RAN not in before_gallery(make_html(root))
    module = root / "snippets/attention/small.py"
    module.write_text(module.read_text() + "\n# changed\n")
    assert RAN in before_gallery(make_html(root))
    article = root / "docs/attention/small.rst"
    article.write_text(article.read_text().replace("Text.", "Other."))
    assert RAN not in before_gallery(make_html(root))


def test_going_back_to_an_earlier_state_runs_nothing(site, make_html, script):
    root = site(".. gallery-figure:: small.line")
    make_html(root)
    path = root / "snippets/attention/plot_small_line.py"
    path.write_text(script.replace("rises", "climbs"))
    assert RAN in before_gallery(make_html(root))
    path.write_text(script)
    build = make_html(root)
    assert RAN not in before_gallery(build)
    assert "A line that rises." in build.page()


def test_failed_script_leaves_the_good_evidence(site, make_html, script):
    root = site(".. gallery-figure:: small.line")
    make_html(root)
    path = root / "snippets/attention/plot_small_line.py"
    path.write_text(f"{script}1 / 0\n")
    assert make_html(root).status != 0
    assert (root / "docs/gallery/attention/plot_small_line.rst").is_file()
    path.write_text(script)
    assert RAN not in before_gallery(make_html(root))


def test_removed_script_leaves_nothing_behind(site, make_html, page_files):
    files = page_files("attention", "gone")
    root = site(files=files)
    before_gallery(make_html(root))
    for path in files:
        (root / path).unlink()
    site()
    build = make_html(root)
    assert build.status == 0, build.output
    left = [path for path in (root / "docs/gallery").rglob("*gone*") if path.is_file()]
    assert left == []
    assert "plot_gone" not in build.page("gallery/index")


def test_removed_book_leaves_nothing_behind(site, make_html, page_files):
    header = {"snippets/positions/GALLERY_HEADER.rst": "Positions\n=========\n"}
    root = site(files=header | page_files("positions", "gone"))
    before_gallery(make_html(root))
    for path in ("docs/positions/gone.rst", "snippets/positions/plot_gone_line.py"):
        (root / path).unlink()
    (root / "snippets/positions/GALLERY_HEADER.rst").unlink()
    site()
    assert make_html(root).status == 0
    assert not (root / "docs/gallery/positions").exists()


def test_damaged_evidence_is_made_again(site, make_html, evidence, script):
    root = site(
        files={"snippets/attention/plot_small_line.py": f"{script}\n# damage\n"}
    )
    before_gallery(make_html(root))
    newest = max(evidence.glob("[!.]*"), key=lambda path: path.stat().st_mtime)
    (newest / "files/gallery/attention/plot_small_line.rst").chmod(0o644)
    (newest / "files/gallery/attention/plot_small_line.rst").write_text("half")
    assert RAN in before_gallery(make_html(root))


def test_two_clean_builds_in_two_folders_are_byte_identical(
    site, make_html, tmp_path_factory
):
    """All but two: Sphinx hashes paths of the environment in ``.buildinfo``, and
    Pagefind writes its filters in another order each time, under names to match.
    """
    first = site(".. gallery-figure:: small.line\n\nMath :math:`x`.")
    (first / "build/evidence").unlink()
    second = tmp_path_factory.mktemp("second") / "clone"
    shutil.copytree(first, second, symlinks=True)
    trees = []
    for root in (first, second):
        assert make_html(root).status == 0
        shutil.rmtree(root / "build/html/pagefind")
        (root / "build/html/.buildinfo").unlink()
        files = [path for path in (root / "build/html").rglob("*") if path.is_file()]
        trees.append({path.relative_to(root): path.read_bytes() for path in files})
    differing = [name for name in trees[0] if trees[0][name] != trees[1].get(name)]
    assert differing == []
    assert trees[0].keys() == trees[1].keys()


@pytest.mark.parametrize(("page", "wanted"), [("index", 0), ("gallery/index", 5)])
def test_what_only_the_gallery_needs_is_loaded_there_alone(
    site, make_html, page, wanted
):
    build = make_html(site("Let :math:`x` be."))
    assert build.status == 0, build.output
    files = re.findall(r"_static/(sg[\w-]+\.\w+)", build.page(page))
    assert len(files) == wanted
    assert "portal.css" in build.page(page)
    assert ("katex.min.css" in build.page(page)) == (page == "index")
