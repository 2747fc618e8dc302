"""Evidence of a page's reference tests: with what its code agrees, and how closely."""

from pathlib import Path

from portal.evidence.inputs import of_script
from portal.evidence.site import Site
from portal.evidence.work import Work
from portal.pages import mirror

MAKER = "portal.worker.tests:make"


def work(site: Site) -> list[Work]:
    """One piece of work for the tests of each page that has code."""
    root = Path(site.confdir)
    tests = [root / mirror.places(book, page).test for book, page in mirror.pages(root)]
    return [
        Work(
            f"{test.parent.name}/{test.name}",
            test,
            of_script(test, root, MAKER, None),
            MAKER,
            (test, root),
            site.config.evidence_time_limit,
            memory=site.config.evidence_memory_limit,
        )
        for test in tests
        if test.is_file()
    ]
