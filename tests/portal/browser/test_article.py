"""An article as a reader uses it: without scripts, copying, and from disk."""

import zipfile

from portal.outputs.archive import pack_site


def test_an_article_is_whole_without_scripts(visit):
    """Figures, shapes, answers, the ways on, and on a phone the menu."""
    seen = {}

    def look(page):
        figure = page.locator("figure.gallery-figure img").locator("visible=true").first
        figure.scroll_into_view_if_needed()
        shapes = page.locator(".shapes").first
        seen["shapes"] = [shapes.is_visible()]
        page.locator("label.shapes-call").first.click()
        seen["shapes"].append(shapes.is_visible())
        answer = page.locator("details.admonition").first
        answer.locator("summary").click()
        seen["answer"] = answer.locator("p").last.is_visible()
        page.locator("label.nav-overlay-icon").click()
        link = page.locator(".sidebar-tree a", has_text="Inference").first
        link.click()
        page.wait_for_url("**/inference/index.html")
        seen["map"] = page.locator(".page-map a").locator("visible=true").count()

    article = ["attention/grouped_query_attention.html"]
    phone = {"width": 360, "height": 640}
    visit(article, look, java_script_enabled=False, viewport=phone)
    assert seen["shapes"] == [True, False]
    assert seen["answer"]
    assert seen["map"] >= 9


def test_copying_leaves_out_prompts_and_shapes(visit):
    copied = []

    def copy(page):
        for block in (
            page.locator("div.highlight:has(.gp)").all()[:1]
            + (page.locator("div.shaped .highlight").all()[:1])
        ):
            block.hover()
            block.locator("button.copybtn").click()
            copied.append(page.evaluate("navigator.clipboard.readText()"))

    article = ["attention/grouped_query_attention.html"]
    allowed = ["clipboard-read", "clipboard-write"]
    visit(article, copy, permissions=allowed)
    doctest, listing = copied
    assert doctest.startswith("import torch\nfrom snippets")
    assert ">>>" not in doctest
    assert listing.startswith("def grouped_query_attention(")
    assert "(2, 12, 5, 16)" not in listing


def test_a_listing_leads_to_its_module(visit, root):
    texts = []

    def download(page):
        link = page.locator("p.snippet-file a").first
        with page.expect_download() as download:
            link.click()
        texts.append(download.value.path().read_text())
        assert download.value.suggested_filename == "grouped_query_attention.py"

    article = ["attention/grouped_query_attention.html"]
    visit(article, download)
    module = root / "snippets/attention/grouped_query_attention.py"
    (text,) = texts
    assert text.endswith(module.read_text())
    assert text.startswith("# From Runnable ML, version ")


def test_the_packed_site_works_from_disk(visit, html, root, tmp_path):
    with zipfile.ZipFile(pack_site(root)) as archive:
        archive.extractall(tmp_path)
    loaded = []

    def look(page):
        loaded.append(page.evaluate("[...document.images].map(i => i.currentSrc)"))
        page.locator("a.next-page").click()
        assert page.title().startswith("Sliding-window attention")

    article = ["attention/grouped_query_attention.html"]
    requests, errors = visit(article, look, at=f"file://{tmp_path}/runnable-ml")
    assert errors == []
    assert [url for url in requests if not url.startswith(("file:", "data:"))] == []
    assert any("sphx_glr_plot" in source for source in loaded[0])
