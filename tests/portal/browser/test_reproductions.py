"""The list of claims, as a reader filters it, sorts it, and follows its squares."""

import pytest

PAGE = "reproductions.html"
ROWS = "table.reproductions tbody tr:visible"


@pytest.fixture
def opened(chromium, server):
    with chromium.new_context() as context:
        page = context.new_page()
        page.goto(f"{server}/{PAGE}")
        yield page


def test_filters_leave_what_was_chosen_and_stand_in_the_address(opened):
    every = opened.locator(ROWS).count()
    opened.select_option("select[name=book]", "attention")
    opened.select_option("select[name=verdict]", "reproduced in part")
    chosen = opened.locator(ROWS)
    assert 0 < chosen.count() < every
    assert set(chosen.locator(".reproductions-book").all_inner_texts()) == {"attention"}
    assert opened.url.endswith("#book=attention&verdict=reproduced+in+part")
    said = opened.locator(".reproductions-filters output").inner_text()
    assert said == f"{chosen.count()} of {every} claims"
    opened.reload()
    assert opened.locator(ROWS).count() == chosen.count()


def test_a_source_is_chosen(opened):
    opened.select_option("select[name=source]", "Ainslie et al., 2023")
    pages = opened.locator(f"{ROWS} td:first-child a").all_inner_texts()
    assert set(pages) == {"Grouped-query attention"}


def test_a_heading_sorts_and_sorts_back(opened):
    titles = opened.locator(f"{ROWS} td:first-child")
    opened.get_by_role("button", name="Page").click()
    rising = titles.all_inner_texts()
    opened.get_by_role("button", name="Page").click()
    assert titles.all_inner_texts() == rising[::-1]


def test_squares_are_as_many_as_claims_and_lead_to_their_boxes(opened):
    squares = opened.locator("a.square")
    assert squares.count() == opened.locator(ROWS).count()
    squares.nth(3).click()
    opened.wait_for_url("**#claim-*")
    target = opened.evaluate("document.querySelector(':target').className")
    assert target.startswith("claim ")
