"""Reads the modules of ``widgets/``, and runs their functions, without a browser.

A module holds pure functions, and an element that draws what they compute. In QuickJS
the element is left out: its base class, from ``widget.js``, is empty. What a module
imports from another one comes before it.
"""

import json
import re
from pathlib import Path

import quickjs

STUBS = "class Widget {} class HTMLElement {} const customElements = {define() {}};\n"
IMPORT = re.compile(r'^import {[^}]*} from "\./(\w+)\.js";$', re.MULTILINE)
EXPORT = re.compile(r"^export (?=const|function|class)", re.MULTILINE)


def modules(file: Path) -> list[Path]:
    """A module, after those that it imports, each once."""
    names = [
        name for name in IMPORT.findall(file.read_text("utf-8")) if name != "widget"
    ]
    imported = [one for name in names for one in modules(file.with_name(f"{name}.js"))]
    return list(dict.fromkeys([*imported, file]))


def script(file: Path) -> str:
    """The text of a module and of those that it imports, as one script."""
    texts = [module.read_text("utf-8") for module in modules(file)]
    return "\n".join(EXPORT.sub("", IMPORT.sub("", text)) for text in texts)


class WidgetModule:
    """The exports of one module, as plain data and functions of plain data.

    Raises
    ------
    ValueError
        If the module cannot be run.
    """

    def __init__(self, file: Path) -> None:
        self._context = quickjs.Context()
        try:
            self._context.eval(STUBS + script(file))
        except quickjs.JSException as problem:
            raise ValueError(f"{file.name}: {problem}") from problem

    def value(self, expression: str) -> object:
        """The value of a JavaScript expression; lists and objects become Python's."""
        return json.loads(self._context.eval(f"JSON.stringify({expression})"))

    def call(self, name: str, *arguments: object) -> object:
        """What a function returns; its arguments are numbers, texts, lists or dicts."""
        return self.value(f"{name}({', '.join(map(json.dumps, arguments))})")
