"""Styles of sources: looked up once, however many pages cite."""

import pybtex.plugin

from portal.article import citation_styles

CITING = "\n:cite:t:`real`\n\n.. bibliography::\n   :filter: docname in docnames\n"


def test_no_style_is_looked_up_twice(site, make_html, monkeypatch):
    asked, entry_points = [], pybtex.plugin.entry_points
    citation_styles.register.cache_clear()

    def ask(**wanted):
        asked.append(tuple(wanted.items()))
        return entry_points(**wanted)

    monkeypatch.setattr(pybtex.plugin, "_RUNTIME_PLUGINS", {})
    monkeypatch.setattr(pybtex.plugin, "entry_points", ask)
    pages = {
        f"docs/attention/{name}.rst": f":prose:\n\n{name}\n=====\n{CITING}"
        for name in ("one", "two", "three")
    }
    build = make_html(site(files=pages))
    assert build.status == 0, build.output
    assert "Bee" in build.page("attention/two")
    found = [
        wanted for wanted in asked if ("name", "last") not in wanted
    ]  # author_year
    assert max(map(found.count, found)) <= 2  # once to find, once to register
