"""``.. widget:: name key=value`` makes the figure that is its content interactive. ::

    .. widget:: kv_cache layers=32

       .. gallery-figure:: kv_cache.growth

          The caption.

``widgets/kv_cache.js`` draws in the place of the figure what the reader sets. It
exports ``controls``: for each name that may be set, a label and a value, and beside
these ``min``, ``max`` and ``step`` of a slider, the ``options`` of a choice, the
``maxlength`` of a text, or nothing for a box to tick. It may also export ``actions``:
the label of each button, by the name that the module finds in ``data-action``. Controls
and buttons are written here, so that nothing moves when the module comes. Without
scripts, and from disk, the figure is what it was.

What a module loads by itself when a reader asks for it lies in a folder of
``widgets/``.
"""

import hashlib
from functools import lru_cache
from pathlib import Path
from typing import ClassVar

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.builders import Builder
from sphinx.util.docutils import SphinxDirective
from sphinx.util.fileutil import copy_asset
from sphinx.util.matching import Matcher
from sphinx.writers.html5 import HTML5Translator

from portal.article.widget_module import WidgetModule
from portal.text.hint import hint

FOLDER = Path(__file__).parents[2] / "widgets"
SOURCES = Matcher(["**/jsconfig.json"])  # what is there and no page loads


class widget(nodes.General, nodes.Element):
    """A custom element, whose ``module`` the browser loads when it is near."""


class controls(nodes.General, nodes.Element):
    """The controls of a widget: ``given``, and ``actions``, as its module has them."""


def parse(words: list[str], known: dict[str, dict]) -> dict[str, dict]:
    """The controls, with values as the author sets them.

    Raises
    ------
    ValueError
        If a word is not ``key=value`` for one of the controls, or its value cannot be.

    Examples
    --------
    >>> slider = {"label": "layers", "min": 1, "max": 9, "step": 1, "value": 4}
    >>> parse(["layers=5"], {"layers": slider})["layers"]["value"]
    5
    >>> parse(["layers=12"], {"layers": slider})
    Traceback (most recent call last):
    ValueError: layers=12 is not from 1 to 9
    """
    made = {name: dict(control) for name, control in known.items()}
    for word in words:
        name, equals, text = word.partition("=")
        if not equals:
            raise ValueError(f"{word} is not key=value")
        if name not in made:
            raise ValueError(f"there is no control {name}; {hint(name, made)}")
        made[name]["value"] = value(word, text, made[name])
    return made


def value(word: str, text: str, control: dict) -> object:
    """The value that a text gives to a control."""
    if "options" in control:
        if text not in control["options"]:
            raise ValueError(f"{word} is not one of {', '.join(control['options'])}")
        return text
    if "maxlength" in control:
        return text
    if "min" not in control:
        if text not in ("true", "false"):
            raise ValueError(f"{word} is neither true nor false")
        return text == "true"
    kind = type(control["step"])
    try:
        number = kind(text)
    except ValueError:
        raise ValueError(
            f"{word} is not a number of the kind of {control['step']}"
        ) from None
    if not control["min"] <= number <= control["max"]:
        raise ValueError(f"{word} is not from {control['min']} to {control['max']}")
    return number


class Widget(SphinxDirective):
    required_arguments = 1
    final_argument_whitespace = True
    has_content = True
    option_spec: ClassVar = {}

    def run(self) -> list[nodes.Node]:
        name, *words = self.arguments[0].split()
        file = FOLDER / f"{name}.js"
        if not file.is_file():
            known = sorted(path.stem for path in FOLDER.glob("*.js"))
            raise self.error(f"no widget {name}; {hint(name, known)}")
        self.env.note_dependency(file)
        try:
            module = WidgetModule(file)
            given = parse(words, module.value("controls"))
            actions = module.value("typeof actions === 'object' ? actions : {}")
        except ValueError as problem:
            raise self.error(str(problem)) from problem
        made = widget("", *self.parse_content_to_nodes(), module=name)
        figures = [node for node in made.children if isinstance(node, nodes.figure)]
        if len(made) != 1 or not figures or len(figures[0]) < 2:
            raise self.error("the content of a widget is one figure with a caption")
        figures[0].insert(1, controls("", given=given, actions=actions))
        self.set_source_info(made)
        return [made]


@lru_cache(1)
def version(builder: Builder) -> str:
    """A digest of all modules and what they load; taken once in a build."""
    digest = hashlib.sha256()
    for file in sorted(FOLDER.rglob("*.*")):
        digest.update(file.read_bytes())
    return digest.hexdigest()[:8]


def address(self: HTML5Translator, module: str) -> str:
    """Where a page finds a module; another address when a module has changed."""
    root = "../" * self.builder.current_docname.count("/")
    return f"{root}_static/widgets/{module}.js?v={version(self.builder)}"


def element(module: str) -> str:
    """The name of the custom element of a module.

    >>> element("kv_cache")
    'widget-kv-cache'
    """
    return f"widget-{module.replace('_', '-')}"


def visit_widget(self: HTML5Translator, node: widget) -> None:
    module = node["module"]
    attributes = {"CLASS": "widget", "data-module": address(self, module)}
    self.body.append(self.starttag(node, element(module), "", **attributes))


def depart_widget(self: HTML5Translator, node: widget) -> None:
    self.body.append(f"</{element(node['module'])}>\n")


def field(self: HTML5Translator, name: str, control: dict) -> str:
    """One control with its label."""
    label, given = self.encode(control["label"]), control["value"]
    if "options" in control:
        options = [
            self.starttag({}, "option", "", value=key, **chosen(key == given))
            + f"{self.encode(text)}</option>"
            for key, text in control["options"].items()
        ]
        menu = self.starttag({}, "select", "", name=name)
        return f"<label>{label} {menu}{''.join(options)}</select></label>"
    if "maxlength" in control:
        limits = {"maxlength": str(control["maxlength"]), "value": given}
        line = self.emptytag({}, "input", "", type="text", name=name, **limits)
        return f'<label class="widget-text">{label} {line}</label>'
    if "min" not in control:
        ticked = {"checked": "checked"} if given else {}
        box = self.emptytag({}, "input", "", type="checkbox", name=name, **ticked)
        return f"<label>{box} {label}</label>"
    limits = {key: str(control[key]) for key in ("min", "max", "step", "value")}
    slider = self.emptytag({}, "input", "", type="range", name=name, **limits)
    return f"<label>{label} <span></span> {slider}</label>"


def chosen(is_chosen: bool) -> dict[str, str]:
    return {"selected": "selected"} if is_chosen else {}


def buttons(self: HTML5Translator, actions: dict[str, str]) -> str:
    """The button that resets, after those of the module if it has any."""
    reset = '<button type="reset">Reset</button>'
    if not actions:
        return reset
    made = "".join(
        self.starttag({}, "button", "", type="button", **{"data-action": name})
        + f"{self.encode(label)}</button>"
        for name, label in actions.items()
    )
    return f'<div class="widget-actions">{made}{reset}</div>'


def visit_controls(self: HTML5Translator, node: controls) -> None:
    fields = (field(self, name, control) for name, control in node["given"].items())
    form = self.starttag(node, "form", "", CLASS="widget-controls", autocomplete="off")
    self.body += [form, *fields, buttons(self, node["actions"])]
    self.body.append('<output class="widget-result" role="status"></output></form>')
    raise nodes.SkipNode


def film(self: HTML5Translator) -> str:
    """The element that plays the frames of the figure before it."""
    attributes = {"data-module": address(self, "film")}
    return f"{self.starttag({}, element('film'), '', **attributes)}</{element('film')}>"


def copy(app: Sphinx, exception: Exception | None) -> None:
    if exception is None and app.builder.name == "html":
        copy_asset(FOLDER, Path(app.outdir, "_static/widgets"), SOURCES, force=True)


def is_live(node: nodes.Node) -> bool:
    """Whether a node needs a module: a widget, or a figure with a film."""
    is_film = isinstance(node, nodes.Element) and node.get("film", False)
    return is_film or isinstance(node, widget)


def add_script(
    app: Sphinx, pagename: str, _: str, context: dict, doctree: nodes.document | None
) -> None:
    if doctree is not None and next(doctree.findall(is_live), None) is not None:
        app.add_js_file("widgets.js", loading_method="defer")


def setup(app: Sphinx) -> None:
    app.add_node(widget, html=(visit_widget, depart_widget))
    app.add_node(controls, html=(visit_controls, None))
    app.add_directive("widget", Widget)
    app.connect("html-page-context", add_script)
    app.connect("build-finished", copy)
