r"""A formula in a title is set in the heading; everywhere else it is a line of text.

One writes ``:math:`` in a title as in any text. The sidebar, the links to the page
before and after, references, the tab of the browser, previews, feeds, citations and the
search show titles too, and most of them can show only text. There a formula is what
``readable`` makes of it: ``\ell_1 < x^2`` is ℓ₁ < x².
"""

import json
import re
import unicodedata
from typing import Any
from xml.etree import ElementTree

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.transforms import SphinxTransform
from sphinx.util.nodes import traverse_parent
from sphinx.writers.html5 import HTML5Translator

from portal.article.katex import TeXError, render
from portal.article.math import visit_inline

TIGHT = set("|∥∑∏∫∂∇¬∞")  # signs of mathematics that stand close to what follows
PRIME = "\u2032"
ACCENTS = {"^": "\u0302", "~": "\u0303", "ˉ": "\u0304", "˙": "\u0307", "⃗": "\u20d7"}


class title_math(nodes.math):
    """A formula in a title: its children are TeX, its text is ``readable``."""

    def astext(self) -> str:
        return self["readable"]


def raised(kind: str) -> dict[int, str]:
    """The letters and digits that Unicode has as ``super`` or ``sub``.

    >>> "i+1".translate(raised("super")), "i+1".translate(raised("sub"))
    ('ⁱ⁺¹', 'ᵢ₊₁')
    """
    parts = {chr(c): unicodedata.decomposition(chr(c)).split() for c in range(0x2E00)}
    return {
        int(part[1], 16): sign
        for sign, part in parts.items()
        if part[:1] == [f"<{kind}>"] and len(part) == 2
    }


SCRIPTS = {"^": raised("super"), "_": raised("sub")}


def grouped(text: str) -> str:
    """Text that can stand beside a sign: in parentheses if it has several parts."""
    return text if text.isalnum() or len(text) == 1 else f"({text})"


def script(mark: str, text: str) -> str:
    """An exponent or index, ``^`` or ``_``, in small letters if there are such.

    >>> script("^", "n + 1"), script("_", "CE")
    ('ⁿ⁺¹', '_CE')
    """
    text, known = text.replace(" ", ""), SCRIPTS[mark]
    if all(ord(letter) in known for letter in text):
        return text.translate(known)
    return mark + grouped(text)


def sign(element: ElementTree.Element) -> str:
    """An operator: between two others with space around it, as one writes it."""
    text = element.text or ""
    if element.get("separator"):
        return f"{text} "
    spaced = unicodedata.category(text[:1] or " ") == "Sm" and text not in TIGHT
    return f" {text} " if spaced and not element.get("fence") else text


def line(element: ElementTree.Element) -> str:
    """A piece of MathML as text."""
    inner = [line(child) for child in element]
    parts = [part.strip() for part in inner]
    match element.tag, parts:
        case "mo", _:
            return sign(element)
        case "mi", _:
            name = element.text or ""
            return f" {name}" if len(name) > 1 else name
        case "mspace", _:
            return " "
        case "annotation", _:
            return ""
        case "mfrac", [above, below] if element.get("linethickness") == "0px":
            return f"{above} choose {below}"
        case "mfrac", [above, below]:
            return f"{grouped(above)}/{grouped(below)}"
        case "mroot", [inner, degree]:
            return f"{script('^', degree)}√{grouped(inner)}"
        case "mover", [base, accent] if accent in ACCENTS:
            return unicodedata.normalize("NFC", base + ACCENTS[accent])
        case "msup", [base, high] if high.strip(PRIME) == "":
            return base + high
        case "msup" | "mover", [base, high]:
            return base + script("^", high)
        case "msub" | "munder", [base, low]:
            return base + script("_", low)
        case "msubsup" | "munderover", [base, low, high]:
            return base + script("_", low) + script("^", high)
        case "msqrt", _:
            return f"√{grouped(''.join(inner).strip())}"
    return (element.text or "") + "".join(inner)


def readable(tex: str, macros: str = "{}") -> str:
    r"""A formula as a line of text; a matrix, or what KaTeX refuses, stays TeX.

    >>> readable(r"\ell_1 < x^2"), readable(r"O(n \log n)"), readable(r"\sqrt{d_k}")
    ('ℓ₁ < x²', 'O(n log n)', '√dₖ')
    >>> readable(r"\frac{a + 1}{b}"), readable(r"\hat{y}_{ij}"), readable(r"\nope")
    ('(a + 1)/b', 'ŷᵢⱼ', '\\nope')
    """
    try:
        html = render(tex, macros=macros, output="mathml")
    except TeXError:
        return tex
    if "<mtable" in html:
        return tex
    text = line(ElementTree.fromstring(re.sub(r' xmlns="[^"]*"', "", html)))
    text = re.sub("\u2061(?=[(\\[])", "", text).replace("\u2061", " ")
    text = re.sub(r"(?<=[(\[]) ", "", " ".join(text.split()))
    return re.sub(r"(^|[(\[,] ?)([+\u2212±]) ", r"\1\2", text)  # a sign of its number


class ReadableTitles(SphinxTransform):
    """Gives the formulas in titles their text, before anything keeps the titles."""

    default_priority = 700  # Sphinx collects them from 850 on

    def apply(self, **kwargs: Any) -> None:
        macros = json.dumps(self.config.katex_macros)
        for title in self.document.findall(nodes.title):
            for node in list(title.findall(nodes.math)):
                made = title_math(node.rawsource, node.astext(), **node.attributes)
                made["readable"] = readable(node.astext(), macros)
                node.replace_self(made)


def in_heading(node: nodes.Node) -> bool:
    """Whether it stands in the heading itself, not in what shows a title elsewhere."""
    titles = (one for one in traverse_parent(node) if isinstance(one, nodes.title))
    title = next(titles, None)
    return title is not None and not isinstance(title.parent, nodes.document)


def visit(self: HTML5Translator, node: title_math) -> None:
    if in_heading(node):
        visit_inline(self, node)
    self.body.append(self.encode(node.astext()))
    raise nodes.SkipNode


def setup(app: Sphinx) -> None:
    app.add_node(title_math, html=(visit, None))
    app.add_transform(ReadableTitles)
