"""The element that trains in the page, driven in Chromium beside its files."""

import html
import math
import re

import pytest
import tokenizers
import torch
from safetensors.torch import load, load_file
from transformers import GPTNeoXConfig, GPTNeoXForCausalLM

from snippets.training.country_task import FOLDER, load_task

MODULE = "/browser_finetuning.js?v=1"
ELEMENT = "widget-browser-finetuning"


def field(name: str, control: dict) -> str:
    """A control as the site writes it."""
    given, label = html.escape(str(control["value"])), control["label"]
    if "options" in control:
        made = "".join(
            f'<option value="{key}"{" selected" * (key == given)}>{text}</option>'
            for key, text in control["options"].items()
        )
        return f'<label>{label} <select name="{name}">{made}</select></label>'
    if "maxlength" in control:
        return (
            f'<label>{label} <input type="text" name="{name}" value="{given}"></label>'
        )
    if "min" not in control:
        return f'<label><input type="checkbox" name="{name}"> {label}</label>'
    limits = " ".join(f'{k}="{control[k]}"' for k in ("min", "max", "step"))
    slider = f'<input type="range" name="{name}" {limits} value="{given}">'
    return f"<label>{label} <span></span> {slider}</label>"


@pytest.fixture
def widget(page, module):
    """The element in an empty page, and the addresses that were asked for."""
    code = module("browser_finetuning")
    fields = "".join(field(*item) for item in code.value("controls").items())
    buttons = "".join(
        f'<button type="button" data-action="{name}">{label}</button>'
        for name, label in code.value("actions").items()
    )
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.evaluate(
        """([name, module, inner]) => {
          document.body.innerHTML =
            `<${name} data-module="${module}">${inner}</${name}>`;
          return import(module);
        }""",
        [
            ELEMENT,
            MODULE,
            '<figure><picture><img alt="" width="680" height="290"></picture>'
            f'<form class="widget-controls">{fields}{buttons}'
            '<button type="reset">Reset</button>'
            '<output class="widget-result"></output></form></figure>',
        ],
    )
    found = page.locator(ELEMENT)
    found.asked = asked
    yield found
    page.evaluate(
        "history.replaceState(null, '', '/empty.html'); document.body.innerHTML = ''"
    )
    page.unroute_all()


def press(widget, name: str) -> None:
    widget.locator(f'[data-action="{name}"]').click()


def says(widget, words: str) -> str:
    """The result, once it has these words."""
    found = widget.page.locator(".widget-result", has_text=words)
    found.wait_for()
    return found.evaluate("result => result.value")


def set_steps(widget, steps: int) -> None:
    widget.locator("input[name=steps]").fill(str(steps))


def test_nothing_is_loaded_before_a_button_is_pressed(widget):
    set_steps(widget, 20)
    widget.locator("input[name=question]").fill("What money is used in Peru?")
    widget.locator("select[name=start]").select_option("random")
    assert widget.locator("svg[role=img]").count() == 1
    assert not [url for url in widget.asked if "/finetuning/" in url]
    assert widget.locator('[data-action="stop"]').is_disabled()
    assert widget.locator('[data-action="download"]').is_disabled()


def test_ten_steps(widget, tmp_path):
    """The loss falls; a question is asked; the weights are saved and opened again."""
    set_steps(widget, 10)
    press(widget, "train")
    text = says(widget, "10 steps in")
    assert re.search(r"right: 0 % before, \d+ % after", text)
    losses = [loss for _, loss in widget.evaluate("element => element.losses")]
    assert len(losses) == 10
    assert losses[-1] < losses[0] / 2
    before, after = [loss for _, loss in widget.evaluate("element => element.prose")]
    assert after > before
    widget.locator("input[name=question]").fill("Which money has Peru?")
    widget.locator("input[name=question]").press("Enter")
    assert "“Which money has Peru?” is answered" in says(widget, "After 10 steps")
    with widget.page.expect_download() as saving:
        press(widget, "download")
    saved = tmp_path / "model.safetensors"
    saving.value.save_as(saved)
    changed, first = (
        load_file(saved),
        load((FOLDER / "countries.safetensors").read_bytes()),
    )
    assert {k: v.shape for k, v in changed.items()} == {
        k: v.shape for k, v in first.items()
    }
    with widget.page.expect_file_chooser() as choosing:
        press(widget, "open")
    choosing.value.set_files(saved)
    says(widget, "model.safetensors is loaded")
    press(widget, "ask")
    says(widget, "After 0 steps")


def test_stopping_and_going_back(widget):
    set_steps(widget, 300)
    press(widget, "train")
    widget.page.wait_for_function(
        "name => document.querySelector(name).losses.length > 2", arg=ELEMENT
    )
    press(widget, "stop")
    text = says(widget, "Stopped: ")
    done = int(re.search(r"Stopped: (\d+) steps", text)[1])
    assert 2 < done < 300
    set_steps(widget, 10)
    press(widget, "train")
    says(widget, "10 steps in")
    assert widget.evaluate("element => element.done") == done + 10
    set_steps(widget, 300)
    press(widget, "train")
    widget.page.wait_for_function(
        "([name, done]) => document.querySelector(name).losses.length > done",
        arg=[ELEMENT, done + 12],
    )
    widget.locator("button[type=reset]").click()
    says(widget, "Press Train")
    assert widget.evaluate("element => element.losses.length") == 0
    press(widget, "ask")
    says(widget, "After 0 steps")


def test_random_weights_and_replay(widget):
    set_steps(widget, 10)
    widget.locator("select[name=start]").select_option("random")
    widget.locator("input[name=replay]").check()
    press(widget, "train")
    says(widget, "10 steps in")
    (_, before), *_ = widget.evaluate("element => element.prose")
    assert 6 < before < 6.5  # nearly ln 512


@pytest.mark.parametrize(
    "file", ["countries.json", "countries.safetensors", "gpt.wasm"]
)
def test_a_file_that_is_missing_is_named(widget, file):
    widget.page.route(f"**/{file}*", lambda route: route.fulfill(status=404))
    press(widget, "ask")
    assert "404" in says(widget, f"That did not work: {file}")
    widget.page.unroute_all()
    press(widget, "ask")
    says(widget, "After 0 steps")


def test_files_as_transformers_saves_them(widget, tmp_path):
    """A tiny random model with a vocabulary of its own, as Pythia has one."""
    parts = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    fast = tokenizers.Tokenizer(tokenizers.models.BPE())
    fast.pre_tokenizer = parts
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=400,
        show_progress=False,
        special_tokens=["<|endoftext|>", "<|padding|>"],
        initial_alphabet=parts.alphabet(),
    )
    fast.train_from_iterator(load_task().prose, trainer)
    fast.save(str(tmp_path / "tokenizer.json"))
    config = GPTNeoXConfig(
        vocab_size=400,
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=128,
    )
    torch.manual_seed(0)
    GPTNeoXForCausalLM(config).save_pretrained(tmp_path)
    files = sorted(tmp_path.iterdir())
    assert "generation_config.json" in [file.name for file in files]
    set_steps(widget, 10)
    for chosen, words in (
        ([tmp_path / "config.json", tmp_path / "model.safetensors"], "tokenizer.json"),
        (files, "model.safetensors is loaded"),
    ):
        with widget.page.expect_file_chooser() as choosing:
            press(widget, "open")
        choosing.value.set_files(chosen)
        says(widget, words)
    press(widget, "train")
    says(widget, "10 steps in")
    losses = [loss for _, loss in widget.evaluate("element => element.losses")]
    assert losses[0] == pytest.approx(math.log(400), abs=0.3)
    assert losses[-1] < losses[0]


def test_a_file_that_holds_no_weights(widget, tmp_path):
    wrong = tmp_path / "model.bin"
    wrong.write_bytes(b"0")
    with widget.page.expect_file_chooser() as choosing:
        press(widget, "open")
    choosing.value.set_files(wrong)
    says(widget, "none of the files ends in .safetensors")


def test_held_out_questions_are_spread_over_all_kinds(module):
    task = load_task()
    kinds = [pair.kind for pair in task.held_out]
    chosen = module("browser_finetuning").call("spread", kinds, 60)
    assert len(chosen) == 60
    assert {chosen.count(kind) for kind in set(kinds)} == {15}
