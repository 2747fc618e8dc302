"""How much a page may make a reader load, compressed.

Counted is what the browser loaded to show the page: the page itself, style sheets,
scripts and fonts. Figures are not, nor what a search loads once it is used.
"""

import gzip
from collections import Counter
from functools import cache
from pathlib import Path
from urllib.parse import unquote, urlsplit

KILOBYTE = 1000
SEARCH = "searchindex.js"  # what a page loads on which the search has been opened
LIMITS = {  # of all, and of one kind
    "all": 150 * KILOBYTE,
    ".js": 40 * KILOBYTE,
}
# Lists that grow with the site, in which readers look something up.
LISTS = (
    "/practice/glossary.html",
    "/references.html",
    "/reproductions.html",
    "/snippets.html",
)
LIMIT_OF_LISTS = 200 * KILOBYTE
COUNTED = (".html", ".css", ".js", ".woff2")


@cache
def compressed(file: Path) -> int:
    """Bytes of a file as a server sends it; fonts are compressed already."""
    data = file.read_bytes()
    return len(data) if file.suffix == ".woff2" else len(gzip.compress(data))


class Sizes:
    """What pages of a built site load."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def of(self, addresses: list[str]) -> Counter[str]:
        """Bytes of each kind, and of all, behind these addresses."""
        found: Counter[str] = Counter()
        for path in {unquote(urlsplit(address).path) for address in addresses}:
            file = self.folder / path.lstrip("/")
            if file.suffix in COUNTED and file.is_file():
                found[file.suffix] += compressed(file)
        found["all"] = found.total()
        return found

    def problems(self, addresses: list[str]) -> list[str]:
        """A line for each limit that is exceeded; a search has none."""
        if any(urlsplit(address).path.endswith(SEARCH) for address in addresses):
            return []
        found = self.of(addresses)
        limits = dict(LIMITS)
        if any(urlsplit(address).path.endswith(LISTS) for address in addresses):
            limits["all"] = LIMIT_OF_LISTS
        return [
            f"loads {found[kind] / KILOBYTE:.0f} kB of {kind}, above "
            f"{limit / KILOBYTE:.0f}"
            for kind, limit in limits.items()
            if found[kind] > limit
        ]
