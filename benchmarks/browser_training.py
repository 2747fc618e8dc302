"""How long a training step of the browser's engine takes.

``python -m benchmarks.browser_training`` runs it in the installed Chromium, with the
weights of the page on fine-tuning and with random ones in the sizes of Pythia-14M, and
writes ``browser_training.md``.
"""

from pathlib import Path
from statistics import median

from benchmarks import report, site
from portal.inspect import browser

STEPS = 30
PYTHIA = {
    "vocab_size": 50304,
    "hidden_size": 128,
    "num_hidden_layers": 6,
    "num_attention_heads": 4,
    "intermediate_size": 512,
    "rotary_pct": 0.25,
    "max_position_embeddings": 2048,
    "use_parallel_residual": True,
    "tie_word_embeddings": False,
}
ROWS = {
    "our model, 16 texts of 40 tokens": (40, None),
    "our model, 16 texts of 20 tokens": (20, None),
    "sizes of Pythia-14M, 16 texts of 40 tokens": (40, PYTHIA),
}
TARGET = Path(__file__).with_suffix(".md")

TEXT = """\
# Training in the browser

Written by `python -m benchmarks.browser_training`: one AdamW step of the engine of the
page on fine-tuning, in Chromium; a third of the tokens is learned; {steps} steps.

{facts}.

| Model and batch | fastest (ms) | median (ms) |
| --- | --: | --: |
{rows}
"""

TIME = """async ([length, sizes, steps]) => {
  const [{ Engine }, { configOf }, { read }] = await Promise.all(
    ["engine", "neox", "safetensors"].map((name) => import(`/finetuning/${name}.js`)));
  const load = async (name) => (await fetch(`/finetuning/${name}`)).arrayBuffer();
  const engine = await Engine.create(await load("gpt.wasm"));
  const { metadata, tensors } = read(await load("countries.safetensors"));
  if (sizes) engine.loadRandom(configOf(sizes), 0);
  else engine.load(configOf(metadata, tensors), tensors);
  const ids = Array.from({ length }, (_, place) => (place * 31) % 512);
  const labels = ids.map((id, place) => (place < (2 * length) / 3 ? -100 : id));
  const rows = Array.from({ length: 16 }, () => ({ ids, labels }));
  return Array.from({ length: steps }, () => {
    const begin = performance.now();
    engine.step([rows], { lr: 1e-4 });
    return performance.now() - begin;
  });
}"""


def times() -> dict[str, list[float]]:
    """Milliseconds of each step, for texts of each length."""
    folder = site.REPOSITORY / "widgets"
    with browser.serve(folder) as address, browser.launch() as chromium:
        page = chromium.new_page()
        page.route("**/empty.html", lambda route: route.fulfill(body="<p>"))
        page.goto(f"{address}/empty.html")
        return {
            name: page.evaluate(TIME, [length, sizes, STEPS])
            for name, (length, sizes) in ROWS.items()
        }


def main() -> None:
    rows = [
        f"| {name} | {min(found):.0f} | {median(found):.0f} |"
        for name, found in times().items()
    ]
    facts = ", ".join(f"{name} {fact}" for name, fact in report.about().items())
    TARGET.write_text(TEXT.format(steps=STEPS, facts=facts, rows="\n".join(rows)))
    print(TARGET.read_text())


if __name__ == "__main__":
    main()
