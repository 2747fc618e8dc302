"""Widgets and films in the built portal: by mouse and by keyboard, in every setting."""

import re

import pytest

WIDGETS = {
    "attention": "attention/self_attention.html",
    "bpe-merges": "language/byte_pair_encoding.html",
    "browser-finetuning": "training/browser_finetuning.html",
    "cache-slots": "inference/paged_attention.html",
    "diffusion": "generative/diffusion.html",
    "em-coins": "classical/expectation_maximization.html",
    "four-allocators": "inference/paged_attention.html",
    "grpo-group": "alignment/grpo.html",
    "head-groups": "attention/grouped_query_attention.html",
    "kv-capacity": "inference/kv_cache.html",
    "lsh-curve": "classical/locality_sensitive_hashing.html",
    "message-graph": "graphs/message_passing.html",
    "moe-routing": "transformers/mixture_of_experts.html",
    "ngram-keyboard": "language/ngram_models.html",
    "ppo-clip": "alignment/ppo.html",
    "quantization-cost": "inference/quantization.html",
    "roofline": "inference/gpu_profiling.html",
    "rope-pairs": "positions/rope.html",
    "sampling": "language/sampling.html",
    "scaling-planner": "training/scaling_laws.html",
    "serving-budget": "inference/llm_serving.html",
    "sid-tree": "recommenders/semantic_ids.html",
    "sliding-window": "attention/sliding_window_attention.html",
    "speculation": "inference/speculative_decoding.html",
    "svm": "classical/support_vector_machines.html",
    "tensors": "foundations/tensor_operations.html",
    "training-memory": "foundations/resource_accounting.html",
    "turboquant": "inference/turboquant.html",
}
FILM = ["positions/rope.html"]
DRAWN = """canvas => {
  const pen = canvas.getContext("2d");
  return pen.getImageData(0, 0, canvas.width, canvas.height).data.some(Boolean);
}"""
PHONE = {"width": 360, "height": 640}


def near(page, selector: str):
    """The element, once its module has made it live."""
    found = page.locator(selector).first
    found.scroll_into_view_if_needed()
    page.wait_for_function(
        "selector => customElements.get(document.querySelector(selector).localName)",
        arg=selector,
    )
    return found


@pytest.mark.parametrize("name", WIDGETS)
def test_a_widget_draws_what_the_keyboard_sets_and_is_reset(visit, name):
    """The address keeps the state, and opens it again."""
    seen = {}

    def look(page):
        widget = near(page, f"widget-{name}")
        figure = widget.locator("picture").locator("visible=true")
        assert figure.count() == 1
        widget.locator(".widget-controls input[type=range]").first.focus()
        page.keyboard.press("ArrowRight")
        assert figure.count() == 0
        assert widget.locator("svg[role=img]").is_visible()
        seen["text"] = widget.locator(".widget-result").inner_text()
        page.wait_for_function("() => location.hash.includes('?')")
        seen["url"] = page.url
        widget.locator("button", has_text="Reset").click()
        page.wait_for_function("() => !location.hash")
        assert figure.count() == 1

    def look_again(page):
        widget = page.locator(f"widget-{name}")
        widget.locator("svg").wait_for()
        page.wait_for_function(
            "name => document.querySelector(name).getBoundingClientRect().y < 700",
            arg=f"widget-{name}",
        )
        assert widget.locator(".widget-result").inner_text() == seen["text"]

    _, errors = visit([WIDGETS[name]], look)
    _, more = visit([seen["url"].split("/", 3)[3]], look_again)
    assert errors == more == []
    assert re.search(r"\d", seen["text"])


@pytest.mark.parametrize("name", WIDGETS)
def test_a_widget_fits_a_phone_in_both_themes(visit, wide, name):
    boxes, colors = [], {}

    def look(page):
        widget = near(page, f"widget-{name}")
        widget.locator(".widget-controls input[type=range]").first.press("ArrowRight")
        boxes.append(wide(page))
        text = widget.locator("svg text").first
        for theme in ("light", "dark"):
            page.emulate_media(color_scheme=theme)
            colors[theme] = text.evaluate("text => getComputedStyle(text).fill")

    _, errors = visit([WIDGETS[name]], look, viewport=PHONE)
    assert errors == []
    assert boxes == [[]]
    bright = {
        theme: max(map(int, re.findall(r"\d+", color)[:3])) > 150
        for theme, color in colors.items()
    }
    assert bright == {"light": False, "dark": True}


@pytest.mark.parametrize(
    ("name", "part", "first", "second"),
    [
        ("em-coins", "start", "first", "second"),
        ("ppo-clip", "point", "ratio", "advantage"),
        ("roofline", "batch", "rows", "rows"),
        ("sampling", "moon", "moon", "moon"),
        ("speculation", "pB", "pB", "pB"),
        ("svm", "point", "x", "y"),
        ("turboquant", "vector", "x", "y"),
    ],
)
def test_the_pointer_drags_what_the_controls_set(visit, name, part, first, second):
    """What is dragged follows the pointer, and the controls follow it."""
    found = {}

    def look(page):
        widget = near(page, f"widget-{name}")
        sliders = [
            widget.locator(f"input[name={control}]") for control in (first, second)
        ]
        sliders[0].press("ArrowRight")
        held = widget.locator(f"[data-drag={part}]").first
        held.scroll_into_view_if_needed()
        box = held.bounding_box()
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        page.mouse.move(x, y)
        page.mouse.down()
        page.mouse.move(x + 30, y - 20)
        there = [float(slider.input_value()) for slider in sliders]
        page.mouse.move(x + 5, y + 20)
        found["moved"] = [
            float(slider.input_value()) != before
            for slider, before in zip(sliders, there, strict=True)
        ]
        page.mouse.up()
        kept = sliders[0].input_value()
        page.mouse.move(x + 30, y - 20)
        found["released"] = sliders[0].input_value() == kept

    _, errors = visit([WIDGETS[name]], look)
    assert errors == []
    assert found == {"moved": [True, True], "released": True}


def test_fine_tuning_loads_on_the_first_click_and_trains(visit, server):
    seen = {}

    def look(page):
        widget = near(page, "widget-browser-finetuning")
        widget.locator("input[name=steps]").fill("10")
        seen["before"] = page.evaluate(
            "performance.getEntriesByType('resource').map(r => r.name)"
        )
        widget.get_by_role("button", name="Train", exact=True).press("Enter")
        widget.locator(".widget-result", has_text="10 steps in").wait_for()
        seen["losses"] = widget.evaluate("element => element.losses")

    requests, errors = visit([WIDGETS["browser-finetuning"]], look)
    assert errors == []
    assert not [url for url in seen["before"] if "/finetuning/" in url]
    assert [url for url in requests if "/finetuning/countries.safetensors?v=" in url]
    assert all(url.startswith(server) for url in requests)
    first, *_, last = [loss for _, loss in seen["losses"]]
    assert last < first / 2


def test_a_film_loads_on_first_use_steps_and_plays(visit, server):
    seen = {}

    def look(page):
        film = near(page, "widget-film")
        place = film.locator("output")
        still = place.inner_text()
        count = int(still.split()[-1])
        assert still == f"{count} of {count}"
        seen["before"] = page.evaluate(
            "performance.getEntriesByType('resource').map(r => r.name)"
        )
        film.get_by_label("Previous frame").click()
        page.wait_for_function("() => document.querySelector('figure.film-shown')")
        assert place.inner_text() == f"{count - 1} of {count}"
        film.get_by_label("Frame", exact=True).press("Home")
        page.wait_for_function(
            "n => document.querySelector('widget-film output').value === n",
            arg=f"1 of {count}",
        )
        film.locator("select").select_option("2")
        film.get_by_role("button", name="Play").press("Enter")
        page.wait_for_function(
            "n => document.querySelector('widget-film output').value === n", arg=still
        )
        assert film.get_by_role("button", name="Play").is_visible()
        assert page.locator("figure.film-shown canvas").evaluate(DRAWN)

    requests, errors = visit(FILM, look, reduced_motion="reduce")
    assert errors == []
    frames = [url for url in requests if url.endswith(("_light.png", "_dark.png"))]
    assert len(frames) == 1
    assert frames[0] not in seen["before"]
    assert all(url.startswith(server) for url in requests)


def test_without_scripts_there_are_the_figures_alone(visit):
    def look(page):
        figures = page.locator("figure.gallery-figure picture").locator("visible=true")
        assert figures.count() > 1
        assert page.locator(".widget-controls").locator("visible=true").count() == 0
        assert page.locator("widget-film").locator("visible=true").count() == 0

    visit([*WIDGETS.values(), *FILM], look, java_script_enabled=False)
