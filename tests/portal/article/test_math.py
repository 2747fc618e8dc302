"""Math in small sites, and KaTeX's files against their checksums."""

import re
import shutil
from xml.etree import ElementTree

import pytest
from docutils import nodes
from sphinx.errors import ExtensionError

from portal.article import katex
from portal.article.katex import TeXError, render


@pytest.fixture
def build(make_app, tmp_path):
    """Builds ``index`` of the body, and pages of their own of the keywords."""

    def build(body, *, builder="html", parallel=0, conf="", **pages):
        (tmp_path / "conf.py").write_text(
            f'extensions = ["portal.article.math"]\n{conf}'
        )
        toctree = ".. toctree::\n   :glob:\n\n   page*\n"
        (tmp_path / "index.rst").write_text(f"Index\n=====\n\n{body}\n\n{toctree}")
        (tmp_path / "page.rst").write_text("Page\n====\n\nText.\n")
        for name, text in pages.items():
            (tmp_path / f"{name}.rst").write_text(f"{name}\n======\n\n{text}\n")
        app = make_app(builder, srcdir=tmp_path, parallel=parallel)
        app.build()
        return app

    return build


def page(app, name="index"):
    return (app.outdir / f"{name}.html").read_text("utf-8")


def body(app, name="index"):
    """The article, without navigation."""
    html = page(app, name)
    return html[html.index('<div class="body"') : html.index('<div class="sphinxside')]


def mathml(html):
    """What a screen reader is given of the only formula."""
    (found,) = re.findall(r"<math.*?</math>", html, re.DOTALL)
    return re.sub(r"<annotation.*?</annotation>|<[^>]+>", "", found)


def warnings(app):
    text = re.sub(r"\x1b\[[0-9;]*m", "", app.warning.getvalue())
    return text.replace(f"{app.srcdir}/", "").splitlines()


@pytest.mark.parametrize(
    ("text", "bound"),
    [
        ("Keys :math:`k`, and more.", [","]),
        ("(Keys :math:`k`). More.", [")."]),
        ("Keys :math:`k` and :math:`q`: two.", [":"]),
        ("Keys :math:`k`", []),
        ("A :math:`k`-fold sum.", []),
    ],
)
def test_a_mark_stays_on_the_line_of_its_formula(build, text, bound):
    app = build(text)
    (paragraph, *_) = app.env.get_doctree("index").findall(nodes.paragraph)
    marks = [node[1].astext() for node in paragraph.findall(nodes.inline)]
    assert marks == bound
    assert paragraph.astext() == re.sub(":math:|`", "", text)
    assert body(app).count('class="math-and-mark"') == len(bound)


def test_inline_math(build):
    app = build("Keys :math:`k_j`.")
    assert warnings(app) == []
    assert '<span class="math notranslate"><span class="katex">' in body(app)
    assert mathml(body(app)) == "kj"
    assert 'class="katex-html" aria-hidden="true"' in body(app)
    assert "katex-display" not in body(app)


def test_display_math(build):
    app = build(".. math:: a < b")
    assert warnings(app) == []
    assert '<div class="math notranslate">\n<span class="katex-display">' in body(app)
    assert mathml(body(app)) == "a&lt;b"
    assert "eqno" not in body(app)


def test_number_permalink_and_reference(build):
    app = build(
        ".. math:: a\n   :label: first\n\nBy :eq:`first` and :eq:`second`.",
        page="   .. math:: b\n      :label: second\n      :no-wrap:",
    )
    assert warnings(app) == []
    assert '<div class="math notranslate" id="equation-first">' in body(app)
    assert (
        '<span class="eqno">(1)<a class="headerlink" href="#equation-first" '
        'title="Link to this equation">'
    ) in body(app)
    assert '<a class="reference internal" href="#equation-first">(1)</a>' in body(app)
    assert 'href="page.html#equation-second">(1)</a>' in body(app)
    assert '<span class="eqno">(1)<a' in body(app, "page")


def test_ids_are_unique_in_the_theme(build):
    app = build(".. math:: a\n   :label: first", conf='html_theme = "furo"')
    assert page(app).count('id="equation-first"') == 1
    assert 'href="#equation-first"' in page(app)


def test_number_with_the_section(build):
    app = build(
        ".. math:: a\n   :label: first\n\nBy :eq:`first`.",
        conf="numfig = math_numfig = True",
    )
    assert warnings(app) == []
    assert '<span class="eqno">(1)<a' in body(app)
    assert 'href="#equation-first">(1)</a>' in body(app)


@pytest.mark.parametrize(
    ("tex", "rows", "columns"),
    [
        ("a = b", 0, 0),
        (r"a &= b \\ &= c", 2, 4),
        ("a &= b\n\nc &= d", 2, 4),
        ("a = b\n\nc = d\n\ne = f", 3, 3),
        (r"\begin{pmatrix} 1 & 2 \\ 3 & 4 \end{pmatrix}", 2, 4),
    ],
)
def test_rows_of_a_block(build, tex, rows, columns):
    app = build("\n   ".join([".. math::", "", *tex.split("\n")]))
    assert warnings(app) == []
    assert body(app).count("<mtr>") == rows
    assert body(app).count("<mtd") == columns


def test_no_wrap_takes_the_tex_as_it_is(build):
    tex = r"a \\ b"
    app = build(f".. math::\n   :no-wrap:\n\n   {tex}")
    assert warnings(app) == []
    assert f'application/x-tex">{tex}<' in body(app)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("Text\nand :math:`a`\nand :math:`\\nope`.", 6),
        ("One :math:`\\nope`", 4),
        ("* Item\n\n  and text\n  and :math:`\\nope`", 7),
        (".. note::\n\n   Text\n   and :math:`\\nope`", 7),
        ("Term\n   Is\n   :math:`\\nope`", 6),
        (".. list-table::\n\n   * - a\n     - :math:`\\nope`", 7),
        ("Text.\n\nTitle :math:`\\nope`\n-------------------", 6),
        ("Text.\n\n.. math::\n   :label: x\n\n   a\n   + \\nope", 6),
        (".. math:: \\nope", 4),
    ],
)
def test_tex_error_has_its_line(build, text, line):
    message = warnings(build(text))[0]
    assert message.startswith(f"index.rst:{line}: WARNING: KaTeX: ")
    assert re.search(r"Undefined control sequence: \\nope at .*: .*\\nope, in", message)
    assert message.endswith("[math.katex]")


def test_tex_error_names_the_tex(build):
    app = build("See :math:`x + \\frac{1}` here.")
    (message,) = warnings(app)
    assert message.startswith("index.rst:4: WARNING: KaTeX: Unexpected end of input")
    assert message.endswith(r", in x + \frac{1} [math.katex]")
    assert r"<code>x + \frac{1}</code>" in body(app)


def test_each_of_two_equal_errors_has_its_line(build):
    messages = warnings(build("Once :math:`\\nope`,\ntwice\n:math:`\\nope`."))
    assert [message.split(":")[1] for message in messages] == ["4", "6"]


def test_tex_error_of_an_included_file(build, tmp_path):
    (tmp_path / "part.txt").write_text("Text\n\nand\n:math:`\\nope`\n")
    app = build(".. include:: part.txt")
    assert re.match(r"(.*/)?part\.txt:4: WARNING: KaTeX", warnings(app)[0])


@pytest.mark.parametrize(
    ("tex", "message"),
    [
        (r"\begin{align} a &= b \end{align}", "this environment numbers its rows"),
        (r"\href{https://example.org}{x}", r"\href is not allowed"),
        (r"\includegraphics{x.png}", r"\includegraphics is not allowed"),
        (r"\text{a} \message{b}", "b"),
        ("é", "LaTeX-incompatible input"),
        (r"\def\x{\x\x} \x", "Too many expansions"),
        ("{" * 5000 + "}" * 5000, "stack overflow"),
    ],
)
def test_nothing_is_set_wrong_in_silence(tex, message):
    with pytest.raises(TeXError, match="^" + re.escape(message)):
        render(tex, display=True)


def test_context_survives_an_error():
    with pytest.raises(TeXError):
        render("{" * 5000)
    assert render("a_1").startswith('<span class="katex">')


def test_deep_and_long_formulas():
    deep = render(r"\frac{1}{1 + " * 30 + "x" + "}" * 30, display=True)
    assert deep.count("<mfrac>") == 30
    long = render(" + ".join(f"x_{{{i}}}" for i in range(1000)), display=True)
    assert long.count("<msub>") == 1000


def test_html_is_well_formed():
    for tex in (r"\sqrt{a} < \overbrace{b}", r"\text{a & b}'", r"\cancel{\vec{x}}"):
        ElementTree.fromstring(render(tex.replace("&", r"\&"), display=True))


@pytest.mark.parametrize(
    ("tex", "tag", "children"),
    [
        (r"a_{\max}", "msub", 2),
        (r"\sum^{\operatorname{row}}", "msup", 2),
        (r"a_{\min}^{\max}", "msubsup", 3),
        (r"\frac{\log}{\exp}", "mfrac", 2),
        (r"\hat{\det}", "mover", 2),
    ],
)
def test_an_operator_is_one_child(tex, tag, children):
    root = ElementTree.fromstring(render(tex, output="mathml"))
    (element,) = root.iter(f"{{http://www.w3.org/1998/Math/MathML}}{tag}")
    assert len(element) == children


def test_no_script_for_math(build):
    html = page(build(":math:`a`\n\n.. math:: b"))
    plain = page(build("No formula."))
    scripts = re.findall(r"<script.*?</script>", html, re.DOTALL)
    assert scripts == re.findall(r"<script.*?</script>", plain, re.DOTALL)
    assert "mathjax" not in html.lower()


def test_css_only_where_math_is(build):
    app = build("Text.", page=":math:`a`", page2="Text.", page3=".. math:: a")
    link = 'href="_static/katex/katex.min.css'
    found = {
        name for name in ("index", "page", "page2", "page3") if link in page(app, name)
    }
    assert found == {"page", "page3"}


def test_macros(build):
    app = build(
        r":math:`\norm{x}`",
        page=r":math:`\keys \gdef\keys{1}`",
        conf=r'katex_macros = {r"\keys": "K", r"\norm": r"\lVert #1 \rVert"}',
    )
    assert warnings(app) == []
    assert mathml(body(app)) == "∥x∥"
    assert mathml(body(app, "page")) == "K"


def test_a_formula_cannot_change_the_next():
    render(r"\gdef\leak{1} \leak")
    with pytest.raises(TeXError, match=r"Undefined control sequence: \\leak"):
        render(r"\leak + 0")


def test_parallel_build_is_the_serial_build(build, tmp_path):
    pages = {
        f"page{i}": f".. math:: x_{{{i}}}\n   :label: e{i}\n\nBy :eq:`e{11 - i}`"
        for i in range(12)
    }
    pages["page3"] += " and :math:`\\nope`"
    parallel = build(":eq:`e7`", parallel=2, **pages)
    (message,) = warnings(parallel)
    assert message.startswith("page3.rst:7: WARNING: KaTeX: Undefined control sequence")
    names = ["index", *pages]
    html = [page(parallel, name) for name in names]
    shutil.rmtree(tmp_path / "_build")
    serial = build(":eq:`e7`", **pages)
    assert [page(serial, name) for name in names] == html


def test_epub_has_mathml_alone(build):
    app = build(":math:`a`", builder="epub", conf='version = "1"')
    html = (app.outdir / "index.xhtml").read_text("utf-8")
    assert mathml(html) == "a"
    assert "katex-html" not in html
    assert "katex.min.css" not in html


def test_missing_katex_stops_the_build(build, monkeypatch, tmp_path):
    monkeypatch.setattr(katex, "SCRIPT", tmp_path / "katex.min.js")
    with pytest.raises(ExtensionError, match=r"katex\.min\.js is missing: run python"):
        build("Text.")


def test_css_refers_to_the_served_fonts_and_nothing_else(root):
    folder = root / "docs/_static/katex"
    css = (folder / "katex.min.css").read_text("utf-8")
    fonts = {path.relative_to(folder).as_posix() for path in folder.rglob("fonts/*")}
    assert set(re.findall(r"url\(([^)]+)\)", css)) == fonts
    assert {font.rpartition(".")[2] for font in fonts} == {"woff2"}
    assert not list((root / "docs").rglob("katex*.js"))


def test_lock_names_no_host(root):
    lock = (root / "vendor/package-lock.json").read_text("utf-8")
    assert '"resolved"' not in lock
    assert '"katex": "0.19.1"' in lock
