"""Pages follow the portal's own code."""

from portal import extension


def test_a_changed_portal_writes_every_page_again(site, make_html, monkeypatch):
    root = site()
    assert make_html(root).status == 0
    page = root / "build/html/attention/small.html"
    before = page.stat().st_mtime_ns
    make_html(root)
    assert page.stat().st_mtime_ns == before
    monkeypatch.setattr(extension, "source_version", lambda: 7)
    make_html(root)
    assert page.stat().st_mtime_ns > before


def test_every_module_with_a_setup_is_set_up(root):
    files = (root / "portal").glob("*/*.py")
    found = {
        f"{file.parent.name}.{file.stem}"
        for file in files
        if "\ndef setup(app" in file.read_text()
    }
    names = (module.__name__ for module in extension.MODULES)
    listed = [name.removeprefix("portal.") for name in names]
    of_build = {"evidence.gallery", "evidence.site"}
    assert found - of_build == {*listed}
    assert len(listed) == len({*listed})


def test_a_site_may_lie_in_a_folder_of_any_name(site, make_html, tmp_path_factory):
    root = site(
        ".. gallery-figure:: small.line\n\n"
        ".. snippet:: attention.small.small\n   :shapes: small(torch.ones(2))"
    )
    folder = tmp_path_factory.mktemp("sites") / "my [x] #1 100% d'été $HOME"
    root.rename(folder)
    build = make_html(folder)
    assert build.status == 0, build.output
    assert "A line that rises." in build.page()
    assert "pagefind-entry.json" in {
        file.name for file in (build.html / "pagefind").iterdir()
    }
