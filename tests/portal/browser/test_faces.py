"""The typefaces of text and code: vendored, small, there when a page is first drawn."""

import re
from hashlib import sha256

FIGURES = "portal/worker/fonts"


def test_vendored_files_match_their_checksums(root):
    sums = (root / "vendor/SHA256SUMS").read_text().splitlines()
    listed = dict(reversed(line.split("  ")) for line in sums)
    folders = ("vendor/katex", "docs/_static/katex", "docs/_static/fonts", FIGURES)
    files = [p for f in folders for p in (root / f).rglob("*") if p.is_file()]
    found = {
        path.relative_to(root).as_posix(): sha256(path.read_bytes()).hexdigest()
        for path in files
    }
    assert found == listed


def test_css_refers_to_all_faces_and_nothing_else(root):
    css = (root / "docs/_static/faces.css").read_text("utf-8")
    fonts = {path.name for path in (root / "docs/_static/fonts").glob("*.woff2")}
    assert set(re.findall(r'url\("fonts/([^"]+)"\)', css)) == fonts


def test_text_and_code_have_their_faces(visit):
    """Loaded, and not the ones that the machine happens to have."""
    found = []

    def look(page):
        page.evaluate("document.fonts.ready")
        loaded = "[...document.fonts].filter(f => f.status == 'loaded')"
        found.extend(page.evaluate(f"{loaded}.map(f => f.family + ' ' + f.style)"))

    requests, errors = visit(["attention/flash_attention.html"], look)
    assert errors == []
    assert {"Text normal", "Text italic", "Listing normal"} <= set(found)
    served = [url for url in requests if "/_static/fonts/" in url]
    assert len(served) == 3


def test_nothing_moves_when_the_faces_come(visit):
    shifts = []
    watch = """new Promise(done => {
      let sum = 0;
      const add = list => list.getEntries().forEach(entry => { sum += entry.value; });
      new PerformanceObserver(add).observe({ type: "layout-shift", buffered: true });
      setTimeout(() => done(sum), 500);
    })"""
    pages = ["index.html", "attention/flash_attention.html", "reproductions.html"]
    visit(pages, lambda page: shifts.append(page.evaluate(watch)))
    assert max(shifts) < 0.02
