"""TeX becomes HTML by KaTeX, which runs in QuickJS while the page is built.

Needs the package ``quickjs`` and the files that ``vendor/update.py`` writes.
"""

import re
from functools import cache, lru_cache
from pathlib import Path

import quickjs

SCRIPT = Path(__file__).parents[2] / "vendor/katex/katex.min.js"

# What KaTeX would only print, or show in red, is an error here. ``eqn-num`` marks a
# number that it counts itself, apart from Sphinx's.
RENDER = r"""
var console = {};
console.log = console.warn = console.error = (...words) => {
    throw new Error(words.join(" "));
};
(tex, display, macros, output) => {
    const html = katex.renderToString(tex, {
        displayMode: display,
        output,
        macros: JSON.parse(macros),
        strict: "error",
        trust: ({command}) => { throw new Error(`${command} is not allowed`); },
    });
    if (html.includes('class="eqn-num"')) {
        throw new Error(
            "this environment numbers its rows: use its starred form and :label:"
        );
    }
    return html;
}
"""
# Bytes. A fraction in a fraction takes about 20 kB; the default ends at twelve of them.
STACK = 2**20


class TeXError(ValueError):
    """KaTeX's message about a formula, in one line."""


@cache
def katex() -> quickjs.Object:
    """KaTeX as a function of TeX, display mode and macros, one for each process."""
    context = quickjs.Context()
    context.set_max_stack_size(STACK)
    context.eval(SCRIPT.read_text("utf-8"))
    return context.eval(RENDER)


@lru_cache(10_000)  # a page repeats its symbols
def render(
    tex: str,
    *,
    display: bool = False,
    macros: str = "{}",
    output: str = "htmlAndMathml",
) -> str:
    """HTML of one formula; ``macros`` is a JSON object from command to expansion."""
    try:
        return corrected(katex()(tex, display, macros, output))
    except quickjs.JSException as problem:
        message = str(problem).partition("\n    at ")[0]
        message = message.replace("\u0332", "")  # KaTeX underlines the place with it
        message = re.sub(r"^\w*Error: (KaTeX parse error: )?", "", message)
        raise TeXError(" ".join(message.split())) from None


def corrected(html: str) -> str:
    r"""KaTeX's markup without what HTML does not allow and browsers ignore.

    >>> corrected('<span style="height:-0.3em;"></span>')
    '<span style=""></span>'
    >>> corrected("<mo><mrow><mi>m</mi><mi>o</mi><mi>d</mi></mrow></mo>")
    '<mo>mod</mo>'
    >>> corrected("<msub><mi>a</mi><mi>max</mi><mo>\u2061</mo></msub>")
    '<msub><mi>a</mi><mrow><mi>max</mi><mo>\u2061</mo></mrow></msub>'
    """
    html = re.sub(r"height:-[\d.]+em;", "", html)
    html = re.sub(r"<mi[^>]*>[^<]*</mi><mo>\u2061</mo>", r"<mrow>\g<0></mrow>", html)
    return re.sub(
        r"(<mo[^>]*>)<mrow>((?:<mi[^>]*>[^<]*</mi>)+)</mrow></mo>",
        lambda found: f"{found[1]}{re.sub('<[^>]+>', '', found[2])}</mo>",
        html,
    )
