"""Which entries a store gives up when it grows too large, whatever the clock says."""

import os
import time

import pytest

from portal.evidence import recency
from portal.evidence.store import Store

SIZE = 1000


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "evidence")


@pytest.fixture
def entries(store):
    """Entries ``a`` to ``d``, each used by a build of its own, ``a`` first."""
    made = {}
    for name in "abcd":
        scratch = store.scratch()
        (scratch / "files").mkdir()
        (scratch / "files/page").write_bytes(bytes(SIZE))
        made[name] = store.put(scratch, name, {name: "1"}, 1.0)
        recency.mark([made[name]], store)
    return made


def left(store):
    return "".join(entry.task for entry in store.entries())


def test_the_longest_unused_go_first(store, entries):
    recency.mark([entries["a"]], store)
    recency.evict([entries["a"]], store, 3 * SIZE)
    assert left(store) == "da"


def test_nothing_goes_while_there_is_room(store, entries):
    recency.evict([], store, 4 * recency.size(entries["a"]))
    assert left(store) == "abcd"


def test_what_the_build_uses_stays_however_large(store, entries):
    recency.evict([entries["a"], entries["c"]], store, 0)
    assert left(store) == "ac"


def test_the_order_of_use_survives_a_clock_that_is_set_back(
    store, entries, monkeypatch
):
    monkeypatch.setattr(time, "time_ns", lambda: 0)
    recency.mark([entries["b"]], store)
    recency.mark([entries["a"]], store)
    assert left(store) == "cdba"


def test_the_order_of_use_survives_a_clock_that_was_ahead(store, entries):
    year_2100 = 4_102_444_800 * 10**9
    os.utime(entries["b"].manifest, ns=(year_2100, year_2100))
    recency.mark([entries["a"]], store)
    recency.evict([entries["a"]], store, SIZE)
    assert left(store) == "a"
    assert store.latest("a").used > year_2100


@pytest.mark.parametrize(("text", "size"), [("0.5", 5e8), (None, 5e9)])
def test_limit_is_given_in_gigabytes(monkeypatch, text, size):
    monkeypatch.delenv("PORTAL_EVIDENCE_LIMIT", raising=False)
    if text:
        monkeypatch.setenv("PORTAL_EVIDENCE_LIMIT", text)
    assert recency.limit() == size


def test_a_build_evicts_what_it_does_not_use(site, make_html, script, monkeypatch):
    root = site()
    (root / "build/evidence").unlink()
    assert make_html(root).status == 0
    path = root / "snippets/attention/plot_small_line.py"
    path.write_text(f"{script}\n# other\n")
    monkeypatch.setenv("PORTAL_EVIDENCE_LIMIT", "0")
    build = make_html(root)
    assert build.status == 0, build.output
    tasks = [entry.task for entry in Store(root / "build/evidence").entries()]
    assert sorted(tasks) == ["attention/plot_small_line.py", "attention/test_small.py"]


def test_a_limit_that_is_no_number_is_said_to_be_so(site, make_html, monkeypatch):
    monkeypatch.setenv("PORTAL_EVIDENCE_LIMIT", "5 GB")
    build = make_html(site())
    assert build.status == 1
    assert (
        "PORTAL_EVIDENCE_LIMIT must be a number of gigabytes, not '5 GB'"
        in build.output
    )
