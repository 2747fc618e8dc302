"""Code on the pages of scripts: linked names, everything else as HTML."""

import html
import re

from docutils import nodes
from docutils.utils import new_document

from portal.article.gallery_code import JoinTokens


class code_links_block(nodes.General, nodes.TextElement):
    """Stands in for the node of Sphinx-Gallery."""


def token(text, kind):
    return nodes.inline(text, text, classes=[kind])


def test_tokens_that_are_no_links_become_one_piece_of_html():
    document = new_document("page")
    link = nodes.reference("", "", token("small", "n"), refuri="small.html")
    block = code_links_block("", "", token("1", "mi"), token("<", "o"), link)
    block += nodes.Text("\n")
    document += block
    JoinTokens(document).run()
    first, second, third = block.children
    assert first.astext() == '<span class="mi">1</span><span class="o">&lt;</span>'
    assert second is link
    assert third.astext() == "\n"
    assert block["code"] == "1<small\n"


def test_a_page_has_its_code_and_links_and_the_text_has_its_lines(
    site, script, make_html
):
    code = "from snippets.attention.small import small\n\nassert small(2) < 5\n"
    files = {
        "docs/attention/small.rst": (
            "Small\n=====\n\n.. snippet:: attention.small.small\n"
        ),
        "snippets/attention/plot_small_line.py": f"{script}{code}",
    }
    build = make_html(site(files=files))
    assert build.status == 0, build.output
    page = build.page("gallery/attention/plot_small_line")
    shown = html.unescape(re.sub("<[^>]*>", "", page))
    assert code in shown
    assert 'href="../../attention/small.html#snippets.attention.small.small"' in page
    indented = code.replace("\n", "\n   ").replace("\n   \n", "\n\n").rstrip()
    assert (
        indented in (build.html / "gallery/attention/plot_small_line.txt").read_text()
    )
