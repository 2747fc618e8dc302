"""``:shapes:`` of a ``snippet``: beside each line, what it bound in a sample call. ::

    .. snippet:: attention.rope.rotate
       :shapes: rotate(torch.randn(2, 8, 3, 16))
       :show: dtype bytes
       :equal: q_len kv_len

``show`` adds element types and bytes; ``equal`` names axes that may have the same size
in the sample call (groups are separated by ``;``). The shapes stand behind the code as
a comment would; a style sheet sets them at the right, or below where there is no room.
A checkbox before the listing hides them; the copy button leaves them out.
"""

from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.writers.html5 import HTML5Translator

from portal.evidence import files
from portal.evidence.traces import Request
from portal.text.hint import hint

SHOWN = ("dtype", "bytes")


class shaped_block(nodes.literal_block):
    """A listing with ``shapes``, the texts beside its lines, and the ``call``.

    Builders that know nothing of it show the listing alone.
    """


def span(first: str, last: str) -> str:
    """One text for a line that ran once or often.

    >>> span("(2, 1)", "(2, 5)"), span("(2,)", "(2,)")
    ('(2, 1) … (2, 5)', '(2,)')
    """
    return first if first == last else f"{first} … {last}"


def entry(name: str, values: list[dict], show: list[str]) -> str:
    """What one name was bound to.

    >>> x = {"shape": "(2, 400)", "dtype": "float32", "bytes": 3200}
    >>> entry("x", [x], ["dtype", "bytes"])
    'x (2, 400) float32 3,200 bytes'
    """
    texts = [[value["shape"] for value in values]]
    if "dtype" in show:
        texts.append([value["dtype"] for value in values])
    if "bytes" in show and None not in [value["bytes"] for value in values]:
        texts.append([f"{value['bytes']:,}" for value in values])
    shown = [span(text[0], text[-1]) for text in texts]
    unit = " bytes" if len(texts) > 1 + ("dtype" in show) else ""
    return f"{name} {' '.join(shown)}{unit}"


def known(env: BuildEnvironment, request: Request, show: str) -> dict[int, list[str]]:
    """What each line of the module bound; the page is read again when it changes.

    Raises
    ------
    LookupError
        If the call was not traced.
    ValueError
        If ``show`` asks for what is not kept.
    """
    if other := set(show.split()) - set(SHOWN):
        wrong = min(other)
        raise ValueError(f":show: cannot show {wrong!r}; {hint(wrong, SHOWN)}")
    file = Path(env.srcdir, request.path)
    env.note_dependency(file)
    if not file.is_file():
        raise LookupError("its call was not traced: is the directive in an .rst file?")
    return {
        int(line): [entry(name, values, show.split()) for name, values in names.items()]
        for line, names in files.read(file).items()
    }


def block(
    env: BuildEnvironment, request: Request, show: str, lines: list[tuple[int, str]]
) -> shaped_block:
    """The listing of numbered lines of a module, with what they bound."""
    bound = known(env, request, show)
    code = "\n".join(line for _, line in lines)
    return shaped_block(
        code,
        code,
        language="python",
        call=request.call,
        shapes=[bound.get(number, []) for number, _ in lines],
        switch=f"shapes-{env.new_serialno('shapes')}",
        classes=["shaped"],
    )


def visit(self: HTML5Translator, node: shaped_block) -> None:
    """A switch, which a book has no use for, and the listing."""
    label = {"class": "shapes-call"}
    self.body.append(self.starttag(node, "div", CLASS="highlight-python notranslate"))
    if self.builder.name == "epub":
        tag = "p"
    else:
        tag, label["for"] = "label", node["switch"]
        switch = {"type": "checkbox", "class": "shapes-on", "checked": "checked"}
        self.body.append(self.emptytag({}, "input", "", ids=[node["switch"]], **switch))
    call = f"<code>{self.encode(node['call'])}</code>"
    self.body.append(self.starttag({}, tag, "", **label) + f"Shapes in {call}</{tag}>")
    self.body.append(listing(self, node) + "</div>\n")
    raise nodes.SkipNode


def listing(self: HTML5Translator, node: shaped_block) -> str:
    """The code as Sphinx highlights it: no tag of Pygments spans two lines."""
    html = self.highlighter.highlight_block(node.rawsource, "python", location=node)
    start, pre, rest = html.partition("<pre>")
    code, end, tail = rest.rpartition("</pre>")
    lines = code.splitlines(keepends=True)
    for i, texts in enumerate(node["shapes"]):
        if texts:
            lines[i] = line(lines[i], [self.encode(text) for text in texts])
    return "".join([start, pre, *lines, end, tail])


def line(code: str, texts: list[str]) -> str:
    """A line with shapes; it holds its own end, since the style makes it a block.

    >>> line("y = x\\n", ["y (3,)"]).count("\\n")
    1
    """
    each = "; ".join(f'<span class="shape">{text}</span>' for text in texts)
    shapes = f'<span class="shapes"><span class="shapes-mark">  # </span>{each}</span>'
    return f'<span class="shaped-line"><span>{code.rstrip()}</span>{shapes}\n</span>'


def setup(app: Sphinx) -> None:
    app.add_node(shaped_block, html=(visit, None))
