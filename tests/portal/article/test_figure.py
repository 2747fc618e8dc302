"""The ``gallery-figure`` directive in built pages."""

import re


def test_light_and_dark_version_with_text_and_size_from_the_script(site, make_html):
    build = make_html(site(".. gallery-figure:: small.line\n\n   A *caption*."))
    assert build.status == 0, build.output
    page = build.page()
    for theme, name in (("light", "001"), ("dark", "001_dark")):
        file = f"_images/sphx_glr_plot_small_line_{name}.svg"
        image = re.search(rf'<picture class="only-{theme}">(<img [^>]*>)', page)[1]
        assert f'src="{file}"' in image
        assert 'alt="A line that rises."' in image
        assert 'loading="lazy"' in image
        assert 'width="595" height="326"' in image or 'height="326"' in image
        assert (build.html / file).is_file()
    assert "A <em>caption</em>." in page
    assert '<a href="gallery/attention/plot_small_line.html"><picture' in page


def test_paragraphs_after_the_caption_are_the_legend(site, make_html):
    figure = ".. gallery-figure:: small.line\n\n   "
    text = "A caption.\n\n   More.\n\n   * One\n   * Two"
    build = make_html(site(f"{figure}{text}"))
    assert build.status == 0, build.output
    caption = re.search("<figcaption>(.*?)</figcaption>", build.page(), re.DOTALL)[1]
    assert re.findall(r"<(p|li|div)\b", caption) == [
        "p",
        "div",
        "p",
        "li",
        "p",
        "li",
        "p",
    ]
    assert "A caption." in caption.split("More.")[0]


def test_a_figure_text_that_is_no_caption_is_refused(site, make_html):
    build = make_html(site(".. gallery-figure:: small.line\n\n   * One"))
    assert build.status != 0
    assert "index.rst:10: ERROR: the text of a figure begins with a" in build.output


def test_on_its_own_page_a_figure_is_no_link(site, make_html):
    build = make_html(site())
    page = build.page("gallery/attention/plot_small_line")
    assert '<picture class="only-light">' in page
    assert "<a href" not in page.split('<picture class="only-light">')[0][-60:]


def test_page_is_written_again_when_its_figure_changes(site, make_html, script):
    root = site(".. gallery-figure:: small.line")
    assert make_html(root).status == 0
    changed = script.replace("A line that rises.", "A line that falls.")
    (root / "snippets/attention/plot_small_line.py").write_text(changed)
    assert 'alt="A line that falls."' in make_html(root).page()


def test_an_animation_is_a_still_that_names_its_film(site, make_html, script):
    animated = script.replace("ax.plot([0, 1])", "(line,) = ax.plot([0, 1])") + (
        "from matplotlib.animation import FuncAnimation\n\n"
        "def step(i):\n    line.set_ydata([0, i])\n\n"
        "moving = FuncAnimation(fig, step, frames=2, interval=100)\n"
    )
    root = site(
        ".. gallery-figure:: small.line",
        {"snippets/attention/plot_small_line.py": animated},
    )
    build = make_html(root)
    assert build.status == 0, build.output
    page, name = build.page(), "_images/sphx_glr_plot_small_line_001_dark"
    image = re.search(r'<picture class="only-dark">(<img [^>]*>)</picture>', page)[1]
    assert f'src="{name}.svg"' in image
    assert f'data-film="{name}.png"' in image
    assert 'data-frames="2"' in image
    assert (build.html / f"{name}.png").is_file()
    film = page.index("<widget-film data-module=")
    assert page.rindex("</picture>") < film
