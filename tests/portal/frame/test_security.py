"""What a site tells of its safety: whom to write to, and links that let go."""

import re


def test_security_txt_only_with_a_contact(site, make_html, monkeypatch):
    root = site()
    assert not (make_html(root).html / ".well-known/security.txt").exists()
    monkeypatch.setenv("PORTAL_SECURITY_CONTACT", "mailto:safe@example.org")
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1767225600")
    text = (make_html(root).html / ".well-known/security.txt").read_text()
    assert "Contact: mailto:safe@example.org\n" in text
    assert "Expires: 2027-01-01T00:00:00Z\n" in text


def test_links_to_elsewhere_let_go(site, make_html):
    page = make_html(site("`There <https://example.org/>`_, :doc:`attention/small`."))
    links = re.findall(r'<a [^>]*class="reference [^>]*>', page.page())
    assert [link for link in links if "external" in link] == [
        '<a class="reference external" href="https://example.org/" rel="noopener">'
    ]
    assert [link for link in links if "internal" in link and "noopener" in link] == []
