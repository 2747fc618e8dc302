"""The trainer, which a page asks, and its worker, under the policy of pages."""

import base64

import numpy as np
import pytest
from safetensors.torch import load

from snippets.training.country_task import FOLDER, load_task

SETUP = """async (file) => {
  const { Trainer } = await import("/finetuning/trainer.js?v=1");
  window.trainer = new Trainer();
  window.weights = Uint8Array.from(atob(file), (letter) => letter.charCodeAt(0)).buffer;
  window.options = { steps: 6, batch: 8, lr: 0.001, seed: 1 };
  window.losses = [];
  window.note = ({ loss }) => losses.push(loss);
}"""


@pytest.fixture(scope="module")
def rows():
    return [row._asdict() for row in load_task().rows("asked")]


@pytest.fixture
def run(page, rows):
    """Runs a program in a page that has a trainer, weights and rows."""
    file = base64.b64encode((FOLDER / "countries.safetensors").read_bytes()).decode()
    page.evaluate(SETUP, file)
    page.evaluate("(rows) => { window.rows = rows; }", rows)
    yield lambda program: page.evaluate(f"async () => {{ {program} }}")
    page.evaluate("() => trainer.close()")


def test_a_run_in_parts_is_the_run(run):
    """A seed says which rows are drawn; a reset, or loading anew, starts over."""
    whole, parts, anew, other = run(
        """await trainer.load(weights);
        const all = [];
        const end = async () => all.push(losses.splice(0));
        await trainer.train({ ...options, rows }, note);
        await end();
        await trainer.reset();
        await trainer.train({ ...options, rows, steps: 1 }, note);
        await trainer.train({ ...options, rows, steps: 5 }, note);
        await end();
        await trainer.load(weights);
        await trainer.train({ ...options, rows }, note);
        await end();
        await trainer.reset();
        await trainer.train({ ...options, rows, seed: 2 }, note);
        await end();
        return all;"""
    )
    assert len(whole) == 6
    assert whole == parts == anew
    assert whole[1:] != other[1:]
    assert whole[-1] < whole[0]


def test_a_quarter_of_a_batch_is_replayed(run):
    """What is replayed alone would be forgotten; replayed, its loss falls."""
    before, after, replayed = run(
        """await trainer.load(weights);
        const [some, others] = [rows.slice(0, 4), rows.slice(100)];
        const before = await trainer.loss(some);
        const { config } = await trainer.load(weights);
        await trainer.train({ ...options, rows: others, replay: some, steps: 10 });
        const replayed = await trainer.loss(some);
        await trainer.reset();
        return [before, await trainer.loss(some), replayed];"""
    )
    assert before == after
    assert replayed < before / 2


def test_a_run_is_stopped_between_two_updates(run):
    """Meanwhile, and afterwards, the model answers."""
    ended, heard, answers, more = run(
        """await trainer.load(weights);
        const brief = { most: 3, end: -1 };
        let answers;
        const hear = (news) => {
          note(news);
          if (news.step === 2) answers = trainer.ask([[1, 2], [4]], brief);
          if (news.step === 4) trainer.stop();
        };
        const ended = await trainer.train({ ...options, rows, steps: 100000 }, hear);
        const heard = losses.length;
        answers = await answers;
        const more = await trainer.train({ ...options, rows, steps: 2 });
        return [ended, heard, answers, more];"""
    )
    assert ended["stopped"]
    assert 4 <= ended["step"] == heard < 20
    assert [len(ids) for ids in answers] == [3, 3]
    assert more == {"step": ended["step"] + 2, "stopped": False}


def test_a_reset_or_another_run_ends_a_run(run):
    first, second, third = run(
        """await trainer.load(weights);
        const long = () => trainer.train({ ...options, rows, steps: 100000 });
        const runs = [long(), long()];
        const first = await runs[0];
        await trainer.reset();
        const third = await trainer.train({ ...options, rows });
        return [first, await runs[1], third];"""
    )
    assert first["stopped"]
    assert second["stopped"]
    assert third == {"step": 6, "stopped": False}


def test_weights_are_downloaded_and_random_ones_made(run):
    file, sizes, loss = run(
        """const loaded = await trainer.load(weights);
        const bytes = Array.from(new Uint8Array(await trainer.download()));
        const file = btoa(bytes.map((byte) => String.fromCharCode(byte)).join(""));
        const settings = { vocab_size: 512, hidden_size: 128, num_hidden_layers: 4,
          intermediate_size: 496, num_attention_heads: 4, tie_word_embeddings: true };
        const made = await trainer.loadRandom(settings, 3);
        const sizes = [loaded.parameters, made.parameters];
        return [file, sizes, await trainer.loss(rows)];"""
    )
    stored = load((FOLDER / "countries.safetensors").read_bytes())
    found = load(base64.b64decode(file))
    assert found.keys() == stored.keys()
    assert all((found[name] == stored[name].float()).all() for name in stored)
    assert sizes == [sum(tensor.numel() for tensor in stored.values())] * 2
    assert loss == pytest.approx(np.log(512), abs=0.1)


@pytest.mark.parametrize(
    ("program", "problem"),
    [
        ("await trainer.ask([[1]], { most: 1, end: 0 })", "No model is loaded."),
        ("await trainer.load(new ArrayBuffer(3))", "at least 8 bytes, not 3"),
        (
            """await trainer.load(weights);
            await trainer.train({ ...options, rows: rows.slice(0, 7) })""",
            "A batch takes 8 of 7 rows, and replays 0 of 0.",
        ),
        (
            "const asked = trainer.load(weights); trainer.close(); await asked",
            "The trainer was closed.",
        ),
        ("trainer.close(); await trainer.stop()", "The trainer was closed."),
        ("trainer.worker.onerror({}); await trainer.stop()", "could not be loaded."),
    ],
)
def test_what_goes_wrong_is_said(run, program, problem):
    with pytest.raises(Exception, match="Error: ") as refused:
        run(program)
    assert problem in str(refused.value)


def test_files_come_from_the_site_when_a_trainer_is_made(page):
    """In the version that the page asked for."""
    requests = []
    page.on("request", lambda request: requests.append(request.url.split("/", 3)[-1]))
    page.reload()
    page.evaluate("""async () => {
      const { Trainer } = await import("/finetuning/trainer.js?v=7");
      window.Trainer = Trainer;
    }""")
    assert requests == ["empty.html", "finetuning/trainer.js?v=7"]
    page.evaluate("async () => { await new Trainer().stop(); }")
    assert "finetuning/worker.js?v=7" in requests
    assert all(request.startswith("finetuning/") for request in requests[1:])
