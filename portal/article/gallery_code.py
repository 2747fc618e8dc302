"""Code on the pages of scripts, in which names lead to where they are documented.

Sphinx-Gallery makes a node of each token for that, thousands on a page, and all that
handles the page looks at each of them. Here those that lead nowhere become HTML at
once; the code itself stays as the attribute ``code``, for the page as plain text.
"""

import html
from itertools import groupby

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.transforms.post_transforms import SphinxPostTransform

BLOCK = "code_links_block"  # the node that Sphinx-Gallery puts in place of a listing


def is_block(node: nodes.Node) -> bool:
    return isinstance(node, nodes.Element) and node.tagname == BLOCK


def is_link(token: nodes.Node) -> bool:
    return isinstance(token, nodes.reference)


def span(token: nodes.Node) -> str:
    """HTML of a token, as Pygments writes it.

    >>> print(span(nodes.inline("", "1 < 2", classes=["o"])), span(nodes.Text("x")))
    <span class="o">1 &lt; 2</span> x
    """
    text = html.escape(token.astext(), quote=False)
    if isinstance(token, nodes.Text):
        return text
    return f'<span class="{" ".join(token["classes"])}">{text}</span>'


class JoinTokens(SphinxPostTransform):
    default_priority = 6  # Sphinx-Gallery: 5
    formats = ("html",)

    def run(self, **kwargs: object) -> None:
        for block in list(self.document.findall(is_block)):
            block["code"] = block.astext()
            tokens = list(block.children)
            block.clear()
            for linked, run in groupby(tokens, is_link):
                if linked:
                    block.extend(run)
                else:
                    block += nodes.raw("", "".join(map(span, run)), format="html")


def setup(app: Sphinx) -> None:
    app.add_post_transform(JoinTokens)
