"""Reads the modules of ``widgets/``, and runs their functions, without a browser.

A module holds pure functions, and an element that draws what they compute. In QuickJS
the element is left out: its base class, which the module imports, is empty.
"""

import json
import re
from pathlib import Path

import quickjs

STUBS = "class Widget {} class HTMLElement {} const customElements = {define() {}};\n"
IMPORT = re.compile(r"^import [^;]*;$", re.MULTILINE)
EXPORT = re.compile(r"^export (?=const|function|class)", re.MULTILINE)


class WidgetModule:
    """The exports of one module, as plain data and functions of plain data.

    Raises
    ------
    ValueError
        If the module cannot be run.
    """

    def __init__(self, file: Path) -> None:
        text = EXPORT.sub("", IMPORT.sub("", file.read_text("utf-8")))
        self._context = quickjs.Context()
        try:
            self._context.eval(STUBS + text)
        except quickjs.JSException as problem:
            raise ValueError(f"{file.name}: {problem}") from problem

    def value(self, expression: str) -> object:
        """The value of a JavaScript expression; lists and objects become Python's."""
        return json.loads(self._context.eval(f"JSON.stringify({expression})"))

    def call(self, name: str, *arguments: object) -> object:
        """What a function returns; its arguments are numbers, texts, lists or dicts."""
        return self.value(f"{name}({', '.join(map(json.dumps, arguments))})")
