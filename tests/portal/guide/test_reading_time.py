"""Reading time: what counts and how much, and where books and pages tell it."""

import pytest

WORDS = "word " * 230  # a minute
ANSWER = ".. admonition:: Answer\n   :collapsible: closed\n\n"


def article(body):
    return f"Small\n=====\n\n{body}\n"


@pytest.fixture
def told(site, make_html):
    """The minutes that the front page tells of a page with this body."""

    def told(body, of="attention/small"):
        files = {"docs/attention/small.rst": article(body)}
        build = make_html(site(f"Takes :reading-time:`{of}`.", files))
        assert build.status == 0, build.output
        return build.page().split("Takes ")[1].split(".")[0]

    return told


@pytest.mark.parametrize(
    ("body", "minutes"),
    [
        ("Text.", "1 minute"),
        (WORDS * 7, "7 minutes"),
        (WORDS * 2 + "\n\n>>> 1\n1\n" * 45, "5 minutes"),
        (WORDS * 2 + "\n\n.. math:: a \\\\ b\n" * 20, "6 minutes"),
        (WORDS * 2 + "\n\nThe :math:`x` is. " * 120, "4 minutes"),
        (f"{WORDS * 2}\n\n{ANSWER}   {WORDS * 5}", "2 minutes"),
    ],
)
def test_what_counts(told, body, minutes):
    assert told(body).startswith(minutes)


def test_book_is_the_sum_of_its_pages(told):
    assert told(WORDS * 65, of="attention") == "1 hour 5 minutes"


def test_follows_the_page(site, make_html):
    root = site("Takes :reading-time:`attention`.")
    make_html(root)
    small = root / "docs/attention/small.rst"
    small.write_text(small.read_text() + WORDS * 4)
    assert "Takes 4 minutes." in make_html(root).page()


def test_unknown_page_or_book(site, make_html):
    build = make_html(site("Takes :reading-time:`attn`."))
    assert build.status != 0
    assert (
        "docs/index.rst:10: WARNING: reading time: no page or book 'attn'"
        in build.output
    )
