"""The store: entries are whole or absent, and damage is found."""

import json

import pytest

from portal.evidence.store import Store

INPUTS = {"a.py": "1"}


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "evidence")


def put(store, inputs=INPUTS, seconds=1.5, text="result"):
    scratch = store.scratch()
    (scratch / "files/images").mkdir(parents=True)
    (scratch / "files/page.rst").write_text(text)
    (scratch / "files/images/one.svg").write_text("<svg/>")
    return store.put(scratch, "a/plot_page.py", inputs, seconds)


def test_what_was_put_is_found_by_its_inputs(store):
    put(store)
    entry = store.get(INPUTS)
    assert (entry.task, entry.seconds) == ("a/plot_page.py", 1.5)
    assert store.get({"a.py": "2"}) is None


def test_an_entry_that_notes_no_cpu_seconds_is_still_good(store):
    manifest = put(store).manifest
    known = json.loads(manifest.read_text())
    del known["cpu"]
    manifest.write_text(json.dumps(known))
    assert store.get(INPUTS).cpu == {}


def test_entries_of_earlier_inputs_stay(store):
    put(store)
    put(store, {"a.py": "2"})
    assert store.get(INPUTS)
    assert store.seconds() == {"a/plot_page.py": 1.5}


@pytest.mark.parametrize("damage", ["change", "remove", "manifest"])
def test_damaged_entry_is_dropped(store, damage):
    entry = put(store)
    file = entry.files / "page.rst"
    if damage == "change":
        file.write_text("resulT")
    elif damage == "remove":
        file.unlink()
    else:
        (entry.folder / "manifest.json").write_text('{"task": "a')
    assert store.get(INPUTS) is None
    assert put(store).is_intact()


def test_copy_leaves_equal_files_alone(store, tmp_path):
    entry = put(store)
    entry.copy_to(tmp_path / "docs")
    page = tmp_path / "docs/page.rst"
    before = page.stat().st_mtime_ns
    (tmp_path / "docs/images/one.svg").write_text("half")
    entry.copy_to(tmp_path / "docs")
    assert page.stat().st_mtime_ns == before
    assert (tmp_path / "docs/images/one.svg").read_text() == "<svg/>"
    assert not list((tmp_path / "docs").rglob("*.part"))


def test_half_made_results_are_no_entries(store):
    scratch = store.scratch()
    (scratch / "files").mkdir()
    assert store.seconds() == {}
    store.sweep()
    assert not scratch.exists()


def test_times_are_kept_and_written_only_when_they_differ(store):
    with store.lock():
        store.keep_times({"a/plot_page.py": 1.5})
        kept = store.record.stat().st_ino
        store.keep_times({"a/plot_page.py": 1.5})
        assert store.record.stat().st_ino == kept
        store.keep_times({"a/plot_page.py": 2.5})
    assert store.times() == {"a/plot_page.py": 2.5}


def test_the_folder_may_be_a_link_to_one_that_is_yet_to_be_made(store, tmp_path):
    store.folder.symlink_to(tmp_path / "elsewhere")
    with store.lock():
        put(store)
    assert store.get(INPUTS)
    assert (tmp_path / "elsewhere").is_dir()
