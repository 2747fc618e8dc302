"""Pages follow the portal's own code."""

import portal


def test_a_changed_portal_writes_every_page_again(site, make_html, monkeypatch):
    root = site()
    assert make_html(root).status == 0
    page = root / "build/html/attention/small.html"
    before = page.stat().st_mtime_ns
    make_html(root)
    assert page.stat().st_mtime_ns == before
    monkeypatch.setattr(portal, "source_version", lambda: 7)
    make_html(root)
    assert page.stat().st_mtime_ns > before
