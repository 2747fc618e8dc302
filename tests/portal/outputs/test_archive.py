"""The ZIP of the site: what is in it, and that only a whole site is packed."""

from zipfile import ZipFile

import pytest

from portal.outputs.archive import pack_site


@pytest.fixture
def built(tmp_path):
    html = tmp_path / "build/html"
    (html / "_static").mkdir(parents=True)
    for name in (".complete", ".buildinfo", "index.html", "_static/portal.css"):
        (html / name).write_text(name)
    return tmp_path


def test_it_holds_the_site_in_one_folder(built):
    with ZipFile(pack_site(built)) as archive:
        assert archive.namelist() == [
            "runnable-ml/_static/portal.css",
            "runnable-ml/index.html",
        ]
        assert archive.read("runnable-ml/index.html") == b"index.html"


def test_the_same_site_gives_the_same_bytes(built):
    first = pack_site(built).read_bytes()
    (built / "build/html/index.html").touch()
    assert pack_site(built).read_bytes() == first


def test_a_site_whose_build_failed_is_not_packed(built):
    (built / "build/html/.complete").unlink()
    with pytest.raises(FileNotFoundError, match="make html"):
        pack_site(built)
