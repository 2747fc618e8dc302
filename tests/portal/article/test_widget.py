"""The ``widget`` directive in built pages."""

import gzip
import re

import pytest

from portal.article.widget_module import WidgetModule

FIGURE = "\n\n   .. gallery-figure:: small.line\n\n      A caption.\n"


def test_controls_stand_between_the_figure_and_its_caption(site, make_html):
    build = make_html(site(f".. widget:: lsh_curve bands=20{FIGURE}"))
    assert build.status == 0, build.output
    page = build.page()
    inner = re.search("<widget-lsh-curve(.*)</widget-lsh-curve>", page, re.DOTALL)[1]
    order = [inner.index(part) for part in ("<picture", "<form", "<figcaption")]
    assert order == sorted(order)
    slider = re.search('<input [^>]*name="bands"[^>]*>', inner)[0]
    for part in ('type="range"', 'min="1"', 'max="64"', 'step="1"', 'value="20"'):
        assert part in slider
    module = re.search(r'data-module="([^"?]*)\?v=\w{8}"', inner)[1]
    assert (build.html / module).read_text().startswith("// The S-curve")
    assert (build.html / "_static/widgets/widget.js").is_file()
    assert "widgets.js" in page
    assert "widgets.js" not in build.page("attention/small")


def test_choices_and_boxes(site, make_html):
    build = make_html(site(f".. widget:: kv_capacity itemsize=1{FIGURE}"))
    assert '<option selected="selected" value="1">8 bits</option>' in build.page()


def test_buttons_stand_before_the_one_that_resets(site, make_html):
    page = make_html(site(f".. widget:: browser_finetuning{FIGURE}")).page()
    row = re.search('<div class="widget-actions">(.*?)</div>', page)[1]
    assert row.startswith('<button data-action="train" type="button">Train</button>')
    assert row.endswith('<button type="reset">Reset</button>')


@pytest.mark.parametrize(
    ("argument", "problem"),
    [
        ("lsh_curv", "no widget lsh_curv; did you mean lsh_curve?"),
        ("lsh_curve bands=99", "bands=99 is not from 1 to 64"),
        ("lsh_curve bands=1.5", "bands=1.5 is not a number of the kind of 1"),
        ("lsh_curve band=4", "there is no control band; did you mean bands?"),
        ("lsh_curve bands", "bands is not key=value"),
        ("kv_capacity itemsize=3", "itemsize=3 is not one of 1, 2"),
    ],
)
def test_wrong_arguments_are_refused(site, make_html, argument, problem):
    build = make_html(site(f".. widget:: {argument}{FIGURE}"))
    assert build.status != 0
    assert re.search(rf"index.rst:\d+: ERROR: {re.escape(problem)}", build.output)


def test_without_its_figure_it_is_refused(site, make_html):
    build = make_html(site(".. widget:: lsh_curve\n\n   Text."))
    assert "ERROR: the content of a widget is one figure with a caption" in build.output


def test_in_a_book_it_is_the_figure(site, make_html):
    build = make_html(site(f".. widget:: lsh_curve{FIGURE}"), "-b", "epub")
    assert build.status == 0, build.output
    page = (build.html / "index.xhtml").read_text()
    assert "A line that rises." in page
    assert "widget" not in page
    assert "<form" not in page


def test_modules_are_small(root):
    for file in (root / "widgets").glob("*.js"):
        assert len(gzip.compress(file.read_bytes())) < 6000, file.name


def test_a_module_that_cannot_be_run_is_named(tmp_path):
    broken = tmp_path / "broken.js"
    broken.write_text("export const controls = {")
    with pytest.raises(ValueError, match=r"broken.js: SyntaxError"):
        WidgetModule(broken)


def test_a_module_uses_what_it_imports(tmp_path):
    (tmp_path / "shared.js").write_text("export const half = (x) => x / 2;\n")
    module = tmp_path / "one.js"
    module.write_text(
        'import { half } from "./shared.js";\nimport { Widget } from "./widget.js";\n'
        "export const quarter = (x) => half(half(x));\n"
    )
    assert WidgetModule(module).call("quarter", 20) == 5


def test_what_two_modules_import_is_there_once(tmp_path):
    (tmp_path / "shared.js").write_text("export const half = (x) => x / 2;\n")
    (tmp_path / "other.js").write_text(
        'import { half } from "./shared.js";\n'
        "export const fourth = (x) => half(half(x));\n"
    )
    module = tmp_path / "one.js"
    module.write_text(
        'import { fourth } from "./other.js";\nimport { half } from "./shared.js";\n'
        "export const eighth = (x) => half(fourth(x));\n"
    )
    assert WidgetModule(module).call("eighth", 40) == 5
