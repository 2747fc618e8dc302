"""The fields at the top of an article: read, hidden, and each mistake at its line."""

from types import SimpleNamespace

import pytest

from portal.pages.metadata import of_fields, page_metadata, problems

GOOD = """\
:summary: Two is twice
   one.
:level: introductory
:prerequisites: positions/other
:aliases: SML, small attention

Small
=====
"""
OTHER = ":prose:\n:summary: Other.\n:level: advanced\n\nOther\n=====\n"


@pytest.fixture
def two_pages(site):
    def two_pages(small=GOOD, other=OTHER):
        pages = {"docs/positions/other.rst": other, "docs/attention/small.rst": small}
        root = site(files=pages)
        for path, text in pages.items():  # as they are: the fixture completes fields
            (root / path).write_text(text)
        return root

    return two_pages


def test_good_fields_build_and_do_not_show(two_pages, make_html):
    build = make_html(two_pages())
    assert build.status == 0, build.output
    assert "small attention" not in build.page("attention/small")


@pytest.mark.parametrize(
    ("good", "bad", "line", "cause"),
    [
        (GOOD, "Small\n=====\n", 1, "no :summary: above the title"),
        (
            GOOD,
            "Small\n=====\n",
            1,
            "no :level: above the title; choose from ",
        ),
        ("Two is twice", "x" * 156, 1, "shorten it to 160"),
        ("introductory", "easy", 3, "there is no level 'easy'; choose from advanced"),
        (
            ":aliases: SML",
            ":alias: SML",
            5,
            "no field 'alias'; did you mean aliases?",
        ),
        (":aliases: SML", ":orphan:\n:aliases: SML", 5, "there is no field 'orphan'"),
        (":aliases: SML", ":author: A\n:aliases: SML", 5, "there is no field 'author'"),
        ("ons/other", "ons/nowhere", 4, "there is no page 'positions/nowhere'; "),
        ("ons/other", "ons/index", 4, "there is no page 'positions/index'"),
        (
            "positions/other",
            "attention/small",
            4,
            "in a circle: attention/small -> attention/small",
        ),
    ],
)
def test_mistake_in_a_field(two_pages, make_html, good, bad, line, cause):
    build = make_html(two_pages(GOOD.replace(good, bad)))
    assert build.status != 0
    (message,) = [text for text in build.output.splitlines() if cause in text]
    assert f"docs/attention/small.rst:{line}: WARNING: " in message


def test_alias_of_another_page(two_pages, make_html):
    other = OTHER.replace(":level:", ":aliases: sml\n:level:")
    build = make_html(two_pages(other=other))
    assert build.status != 0
    assert (
        "docs/positions/other.rst:3: WARNING: positions/other and attention/small both "
        "have the alias 'sml': keep it on one of them" in build.output
    )


def test_circle(two_pages, make_html):
    back = ":prerequisites: attention/small\n:level:"
    build = make_html(two_pages(other=OTHER.replace(":level:", back)))
    assert build.status != 0
    (message,) = [t for t in build.output.splitlines() if "in a circle" in t]
    assert "rst:3: " in message or "rst:4: " in message
    assert message.count("positions/other") + message.count("attention/small") == 4


def test_page_in_no_table_of_contents(two_pages, make_html):
    root = two_pages()
    (root / "docs/attention/lost.rst").write_text(OTHER)
    build = make_html(root)
    assert build.status != 0
    assert (
        "docs/attention/lost.rst:1: WARNING: no table of contents lists it"
        in build.output
    )


def test_removed_prerequisite_is_found_without_reading_the_page(two_pages, make_html):
    root = two_pages()
    make_html(root)
    (root / "docs/positions/other.rst").unlink()
    index = root / "docs/index.rst"
    index.write_text(index.read_text().replace("   positions/other\n", ""))
    assert "there is no page 'positions/other'" in make_html(root).output


@pytest.mark.parametrize("name", ["status", "attention/index", "attention/none"])
def test_only_an_article_that_exists_says_something_of_itself(name):
    fields = {"summary": "What it says."}
    names = ("status", "attention/index", "attention/small")
    env = SimpleNamespace(found_docs=set(names), metadata=dict.fromkeys(names, fields))
    assert page_metadata(env, "attention/small").summary == "What it says."
    with pytest.raises(KeyError, match=name):
        page_metadata(env, name)


def test_diamond_is_no_circle():
    def page(*before):
        return of_fields({"prerequisites": ", ".join(before)})

    pages = {"d": page("b", "c"), "c": page("a"), "b": page("a"), "a": page()}
    assert list(problems(pages)) == []
