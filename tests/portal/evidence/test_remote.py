"""A shared store: what one machine made another finds, and never half of it."""

import shutil

import fsspec
import pytest

from portal.evidence.remote import Remote, SharedStore
from portal.evidence.store import Unavailable

INPUTS = {"a.py": "1"}


@pytest.fixture(params=["memory", "file"])
def url(request, tmp_path):
    yield (
        f"memory://{tmp_path.name}"
        if request.param == "memory"
        else (f"file://{tmp_path}/shared")
    )
    fsspec.filesystem("memory").store.clear()


@pytest.fixture
def machine(url, tmp_path):
    """Stores of several machines that share one."""
    return lambda name: SharedStore(tmp_path / name, Remote(url))


@pytest.fixture
def put():
    def put(store, text="result"):
        scratch = store.scratch()
        (scratch / "files/images").mkdir(parents=True)
        (scratch / "files/page.rst").write_text(text)
        (scratch / "files/images/one.svg").write_text("<svg/>")
        return store.put(scratch, "a/plot_page.py", INPUTS, 1.5, {"all": 1.25})

    return put


def remote_files(url):
    files, path = fsspec.core.url_to_fs(url)
    return files, sorted(files.find(path))


def test_another_machine_finds_what_one_has_made(machine, put):
    put(machine("one"))
    entry = machine("two").get(INPUTS)
    assert (entry.task, entry.seconds) == ("a/plot_page.py", 1.5)
    assert entry.cpu == {"all": 1.25}
    assert (entry.files / "images/one.svg").read_text() == "<svg/>"
    assert entry.is_intact()
    assert machine("two").get({"a.py": "2"}) is None


def test_what_is_here_is_not_looked_for_there(machine, put, url):
    put(machine("one"))
    files, names = remote_files(url)
    for name in names:
        files.rm(name)
    assert machine("one").get(INPUTS)


@pytest.mark.parametrize("damage", ["change", "remove", "cut"])
def test_damage_counts_as_absent_and_is_mended_by_the_next(machine, put, url, damage):
    put(machine("one"))
    files, names = remote_files(url)
    for name in names:
        if damage == "remove" and "/files/" in name:
            files.rm(name)
        if damage == "change" and "/files/" in name:
            files.pipe_file(name, b"other!")
        if damage == "cut" and "/files/" not in name:
            files.pipe_file(name, files.cat_file(name)[:40])
    assert machine("two").get(INPUTS) is None
    assert not list((machine("two").folder).glob(".scratch-*"))
    put(machine("two"))
    assert machine("three").get(INPUTS)


def test_an_upload_that_breaks_off_leaves_no_entry(machine, put, url, monkeypatch):
    store = machine("one")
    pipe_file = type(store.remote.files).pipe_file

    def break_off(self, path, value, **options):
        if value == b"<svg/>":
            raise ConnectionError("reset by peer")
        return pipe_file(self, path, value, **options)

    monkeypatch.setattr(type(store.remote.files), "pipe_file", break_off)
    with pytest.raises(Unavailable, match="cannot be written: reset by peer"):
        put(store)
    assert not [name for name in remote_files(url)[1] if name.endswith(".json")]
    assert machine("one").get(INPUTS)


def test_two_that_make_the_same_at_once_do_not_mix(machine, put):
    put(machine("one"), "one result")
    put(machine("two"), "another")
    entry = machine("three").get(INPUTS)
    assert (entry.files / "page.rst").read_text() == "another"


def test_a_manifest_for_other_inputs_is_not_taken(machine, put, url):
    entry = put(machine("one"))
    files, path = fsspec.core.url_to_fs(url)
    text = entry.manifest.read_bytes().replace(b'"a.py": "1"', b'"a.py": "2"')
    files.pipe_file(f"{path}/{entry.folder.name}.json", text)
    assert machine("two").get(INPUTS) is None


def test_a_build_runs_nothing_that_another_has_shared(
    site, make_html, script, url, monkeypatch
):
    monkeypatch.setenv("PORTAL_EVIDENCE", url)
    code = f"{script}\n# shared through {url}\n"
    root = site(files={"snippets/attention/plot_small_line.py": code})
    (root / "build/evidence").unlink()
    outputs = []
    for _ in range(2):
        build = make_html(root)
        assert build.status == 0, build.output
        outputs.append("attention/plot_small_line.py " in build.output)
        shutil.rmtree(root / "build/evidence")
    assert outputs == [True, False]
    assert "sphx_glr_plot_small_line_001" in build.page(
        "gallery/attention/plot_small_line"
    )


def test_an_unknown_place_ends_the_build(site, make_html, monkeypatch):
    monkeypatch.setenv("PORTAL_EVIDENCE", "nowhere://bucket")
    build = make_html(site())
    assert build.status == 1
    (line,) = [line for line in build.output.splitlines() if "ERROR" in line]
    assert "PORTAL_EVIDENCE: Protocol not known: nowhere" in line
